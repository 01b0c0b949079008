"""The action `uninstall`: removes a stack, whole or half made, and what romana-setup keeps of it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from romana_install import leftovers, lock, run, ssh, variables
from romana_install.aws import account
from romana_install.context import PROJECT, check_is_meant, which_stack
from romana_install.errors import UsageError
from romana_install.files import private_directory, write_json
from romana_install.findings import FindingsError
from romana_install.options import Options
from romana_install.plan import nodes
from romana_install.session import opened
from romana_install.settings import Config
from romana_install.stack import Stack, StackError, state_directory, state_home
from romana_install.static import inventory

ACTION = "uninstall"


def uninstall(options: Options) -> int:
    """Remove the stack; returns the exit code. Raises what cli.main knows how to say."""
    given = which_stack(options)
    name = given.stack_name
    directory = state_directory(name)
    known = directory.is_dir()
    # What is on AWS is found without our own notes, too; it takes the word for it, as asking takes credentials.
    if not known and options.target != "aws":
        print(f"there is no stack {name}; nothing to do")
        return 0
    stack = replace(_load(given, options), become_password=options.become_password)
    things = _things(stack) if stack.target == "aws" else []
    if not known and not things:
        print(f"there is nothing of stack {name} in {stack.cloud['region']}; nothing to do")
        return 0
    _confirm(stack, options, things)
    private_directory(directory)
    with lock.held(directory / "lock", ACTION):
        leftovers.end(directory)
        stack.save()  # the inventory reads it; it may have been damaged, or not written yet
        write_json(directory / run.VARS_FILE, {**variables.of_stack(stack), **variables.of_removal(given)})
        with opened(directory, ACTION, ACTION, stack.config_digest, [ACTION], options) as session:
            verbosity = max(options.verbosity - 1, 0)
            session.log.hide([stack.become_password] if stack.become_password else [])
            settings = run.arguments(
                PROJECT,
                directory,
                stack.target,
                "playbooks/uninstall.yml",
                options.passed_on,
                verbosity,
                stack.become_password,
            )
            session.play(settings, options.verbosity > 0)
            if stack.target == "aws":
                _check_gone(stack)
            session.completed()
        close_connections(stack)
        log = _keep(session.log.path, name)
        _remove(directory)
    print(f"stack {name} is removed; the log of that is {log}")
    return 0


def _load(given: Config, options: Options) -> Stack:
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
    return stack


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
    )
    ssh.ensure(stack)
    return stack


def _things(stack: Stack) -> list[str]:
    """What AWS has of it, in words."""
    from romana_install.aws import removal  # slow to import, and other targets do without it

    return removal.lines(removal.there(stack))


def _check_gone(stack: Stack) -> None:
    from romana_install.aws import removal

    removal.check_gone(stack)


def _confirm(stack: Stack, options: Options, things: Sequence[str]) -> None:
    """Say what goes and ask. Raises UsageError when the answer is no, or nobody is there to give one.

    things: what a cloud has of it, in words.
    """
    names = ", ".join(node.name for node in stack.nodes)
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
                command = stack.login_command(node.name)
                subprocess.run([*command[:-1], "-O", "exit", command[-1]], capture_output=True, check=False)


def _keep(log: Path, name: str) -> Path:
    """Move the log to where it outlives the stack."""
    # No stack's name begins with a dot.
    kept = private_directory(state_home() / ".uninstalled") / f"{name}-{datetime.now():%Y-%m-%dT%H%M%S}.log"
    shutil.copy2(log, kept)
    return kept


def _remove(directory: Path) -> None:
    """Remove the state directory. Raises StackError while something is mounted below it."""
    mounted = [
        line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines() if f" {directory}/" in line
    ]
    if mounted:
        raise StackError(f"{mounted[0]} is still mounted; unmount it and run ./romana-setup uninstall again")
    control = ssh.control_directory(directory)
    shutil.rmtree(directory)
    shutil.rmtree(control, ignore_errors=True)
