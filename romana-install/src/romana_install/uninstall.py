"""The action `uninstall`: removes a stack, whole or half made, and what romana-setup keeps of it."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from romana_install import leftovers, lock, remains, run, ssh, variables
from romana_install.aws import account
from romana_install.context import PROJECT, check_is_meant, which_stack
from romana_install.errors import UsageError
from romana_install.files import private_directory, restored, write_json
from romana_install.findings import Finding, FindingsError
from romana_install.invocation import command
from romana_install.options import Options
from romana_install.plan import nodes
from romana_install.session import Session, opened
from romana_install.settings import Config
from romana_install.stack import STACK_FILE, Node, Stack, StackError, stack_of_another, state_directory, state_home
from romana_install.static import inventory
from romana_install.static.facts import Facts, ask
from romana_install.static.preflight import no_root

ACTION = "uninstall"
ORIGINALS = "/var/lib/romana-originals"  # what OpenStack's packages leave on a server, as facts.sh says it


def uninstall(options: Options) -> int:
    """Remove the stack; returns the exit code. Raises what cli.main knows how to say."""
    given = which_stack(options)
    stack = _found(given, options)
    if stack is None:
        return 0
    known = stack.directory.is_dir()
    if not options.is_trial:
        _confirm(stack, options, _things(stack) if stack.target == "aws" else [])
    private_directory(stack.directory)
    with lock.held(stack.directory / "lock", ACTION):
        leftovers.end(stack.directory)
        if options.is_trial:
            _try_out(stack, given, options)
            if not known:
                _remove(stack.directory)
            return 0
        log = _removed(stack, given, options)
        _remove(stack.directory)
    print(f"stack {stack.name} is removed; the log of that is {log}")
    return 0


def _found(given: Config, options: Options) -> Stack | None:
    """The stack, whatever is left of it or of its notes; None when there is nothing of it, which is said.

    Raises what `_load` raises, and PreflightError when AWS cannot be asked.
    """
    name = given.stack_name
    known = state_directory(name).is_dir()
    # What is on AWS or on servers is found without our own notes, too; it takes the word for it, as asking takes
    # credentials, or names.
    if not known and options.target != "aws" and options.inventory is None:
        print(f"there is no stack {name}{_elsewhere(name)}; nothing to do")
        return None
    stack = _load(given, options)
    if not known and stack.target == "aws" and not _things(stack):
        print(f"there is nothing of stack {name} in {stack.cloud['region']}; nothing to do")
        return None
    if not known and stack.target == "static" and not remains.left(stack, given):
        print(f"there is nothing of a stack on {_names(stack)}; nothing to do")
        return None
    return stack


def _removed(stack: Stack, given: Config, options: Options) -> Path:
    """Have it removed, and look whether it is; returns the log, which outlives it. Raises StackError when it is not."""
    _note(stack, given)
    with opened(stack.directory, ACTION, ACTION, stack.config_digest, [ACTION], options) as session:
        _play(stack, options, session)
        left = remains.left(stack, given)
        if left:
            raise StackError(_not_removed(stack, options, left, session.log.path))
        session.completed()
    close_connections(stack)
    return _keep(session.log.path, stack.name)


def _not_removed(stack: Stack, options: Options, left: Sequence[str], log: Path) -> str:
    """What is said then. Pure."""
    passed_on = shlex.join(options.passed_on)
    return "\n".join(
        [
            f"stack {stack.name} is not removed:",
            *(f"  {text}" for text in left),
            *([f"  options that Ansible was given (-- {passed_on}) may have kept it from that"] if passed_on else []),
            f"  kept    {stack.directory} (keys, secrets, logs)",
            f"  log     {log}",
            f"  resume  {options.own_command}",
        ]
    )


def _try_out(stack: Stack, given: Config, options: Options) -> None:
    """Let Ansible say what it would change (--check), and leave everything as it is."""
    with (
        restored(stack.directory / STACK_FILE),
        restored(stack.directory / run.VARS_FILE),
        opened(stack.directory, f"{ACTION}-check", "check", stack.config_digest, [ACTION], options) as session,
    ):
        _note(stack, given)
        _play(stack, options, session)
        session.completed()
        print(f"nothing was changed; an uninstallation would have changed={session.changed}")


def _note(stack: Stack, given: Config) -> None:
    """Write down what the playbooks and ssh read; it may have been damaged, or not written yet."""
    stack.save()
    if stack.reach:
        ssh.ensure(stack)
    write_json(stack.directory / run.VARS_FILE, {**variables.of_stack(stack), **variables.of_removal(given)})


def _play(stack: Stack, options: Options, session: Session) -> None:
    session.log.hide([stack.become_password] if stack.become_password else [])
    settings = run.arguments(
        PROJECT,
        stack.directory,
        stack.target,
        "playbooks/uninstall.yml",
        options.passed_on,
        max(options.verbosity - 1, 0),
        stack.become_password,
    )
    session.play(settings, options.verbosity > 0)


def _load(given: Config, options: Options) -> Stack:
    """The stack as its notes say, or without them. Raises StackError, UsageError, and FindingsError."""
    name = given.stack_name
    try:
        stack = Stack.load(name)
    except StackError:
        target = options.target or "local"
        if target == "static":
            return _of_inventory(given, options)
        cloud = account.of_stack(given, None) if target == "aws" else {"provider": given.vagrant_provider}
        return Stack(name, state_directory(name), nodes(Config(stack_name=name)), target=target, cloud=cloud)
    check_is_meant(stack, options, given)
    return replace(stack, become_password=options.become_password)


def _of_inventory(given: Config, options: Options) -> Stack:
    """A stack whose own notes are lost, on the servers that an inventory names. Raises StackError, FindingsError."""
    if options.inventory is None:
        raise StackError(
            f"stack {given.stack_name}'s own notes cannot be read; name its servers with -i my-inventory.yml"
        )
    servers = inventory.read(options.inventory, None)
    if servers.findings:
        raise FindingsError(servers.findings)
    stack = Stack(
        name=given.stack_name,
        directory=state_directory(given.stack_name),
        nodes=servers.nodes,
        target="static",
        reach=servers.reach,
        jump=given.ssh_jump,
        known_hosts=given.ssh_known_hosts,
        become_password=options.become_password,
    )
    answers = ask(stack, [node for node in stack.nodes if node.name not in given.static_forget])
    found = [finding for node in stack.nodes if node.name in answers for finding in _strange(node, answers, stack)]
    if found:
        raise FindingsError(found)
    return replace(stack, engine="packages" if any(ORIGINALS in facts.left for facts in answers.values()) else "none")


def _strange(node: Node, answers: Mapping[str, Facts], stack: Stack) -> Iterator[Finding]:
    """Why a server cannot be given back without notes of what is on it. Pure."""
    facts = answers[node.name]
    if facts.silence:
        fix = f'if it is gone for good: -e \'{{"static_forget": ["{node.name}"]}}\''
        yield Finding(node.name, f"{facts.silence}; {fix}")
    elif facts.sudo:
        yield Finding(node.name, no_root(facts.sudo, stack.reach[node.name].user, bool(stack.become_password)))
    elif facts.stack not in ("", stack.name):
        yield Finding(node.name, f"belongs to stack {facts.stack}; if that is meant, give -e stack_name={facts.stack}")


def _elsewhere(name: str) -> str:
    """Where a stack of that name is instead of here, as far as it can be seen; empty when it cannot."""
    return f" of yours, but {owner}" if (owner := stack_of_another(name)) else ""


def _things(stack: Stack) -> list[str]:
    """What AWS has of it, in words."""
    from romana_install.aws import removal  # slow to import, and other targets do without it

    return removal.lines(removal.there(stack))


def _confirm(stack: Stack, options: Options, things: Sequence[str]) -> None:
    """Say what goes and ask. Raises UsageError when the answer is no, or nobody is there to give one.

    things: what a cloud has of it, in words.
    """
    names = _names(stack)
    print(f"This removes stack {stack.name} on {stack.target}:")
    if stack.target == "aws":
        print("\n".join(f"  {line}" for line in [*things, "with everything on them"]))
    elif stack.target == "static":
        print(f"  everything of it on the servers {names}, which are left as they were before")
    else:
        print(f"  the nodes {names} with everything on them")
    print(f"  {stack.directory} (keys, secrets, logs)")
    if options.yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("uninstall asks before it removes, and there is no terminal to ask on; give --yes")
    try:
        answer = input("Type yes to go on: ")
    except EOFError:
        answer = ""
    if answer.strip().lower() not in ("y", "yes"):
        raise UsageError("nothing was removed")


def close_connections(stack: Stack) -> None:
    """End shared ssh connections; their other ends are gone."""
    for node in stack.present:
        if ssh.control_path(stack, node).exists():
            with suppress(OSError):
                words = stack.login_command(node.name)
                subprocess.run([*words[:-1], "-O", "exit", words[-1]], capture_output=True, check=False)


def _keep(log: Path, name: str) -> Path:
    """Move the log to where it outlives the stack."""
    # No stack's name begins with a dot.
    kept = private_directory(state_home() / ".uninstalled") / f"{name}-{datetime.now():%Y-%m-%dT%H%M%S}.log"
    shutil.copy2(log, kept)
    return kept


def _remove(directory: Path) -> None:
    """Remove the state directory. Raises StackError while something is mounted below it."""
    mounted = remains.mounted_below(directory)
    if mounted:
        raise StackError(f"{mounted[0]} is still mounted; unmount it and run: {command(ACTION)}")
    control = ssh.control_directory(directory)
    shutil.rmtree(directory)
    shutil.rmtree(control, ignore_errors=True)


def _names(stack: Stack) -> str:
    return ", ".join(node.name for node in stack.nodes)
