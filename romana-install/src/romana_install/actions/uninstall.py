"""The action `uninstall`: removes a stack, whole or half made, and what romana-setup keeps of it."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from romana_install import targets
from romana_install.actions.context import which_stack
from romana_install.ansible import leftovers, run, variables
from romana_install.ansible.session import Session, opened
from romana_install.base.errors import UsageError
from romana_install.base.files import private_directory, restored, write_json
from romana_install.base.invocation import command
from romana_install.base.machine import mounted_below
from romana_install.config.options import Options
from romana_install.config.settings import Config
from romana_install.state import lock, ssh
from romana_install.state.stack import STACK_FILE, Stack, StackError, state_directory, state_home
from romana_install.targets import stacks
from romana_install.targets.target import Target

ACTION = "uninstall"


def uninstall(options: Options) -> int:
    """Remove the stack; returns the exit code. Raises what cli.main knows how to say."""
    given = which_stack(options)
    stack = _found(given, options)
    if stack is None:
        return 0
    known = stack.directory.is_dir()
    if not options.is_trial:
        _confirm(stack, options)
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
    kind = targets.named(options.target or targets.OF_LOST)
    # It takes the word for it, as asking takes credentials, or names.
    if not known and not kind.is_seen_without_notes(options):
        print(f"there is no stack {name}{_elsewhere(name)}; nothing to do")
        return None
    stack = _load(given, options, kind)
    if not known and not stack.target.is_there(stack, given):
        print(f"{stack.target.nothing_there(stack)}; nothing to do")
        return None
    return stack


def _removed(stack: Stack, given: Config, options: Options) -> Path:
    """Have it removed, and look whether it is; returns the log, which outlives it. Raises StackError when it is not."""
    _note(stack, given)
    with opened(stack.directory, ACTION, ACTION, stack.config_digest, [ACTION], options) as session:
        _play(stack, options, session)
        left = stack.target.left(stack, given)
        if left:
            raise StackError(_not_removed(stack, options, left, session.log.path))
        session.completed()
    ssh.close_connections(stack)
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
    stacks.save(stack)
    if not stack.target.makes_machines:
        ssh.ensure(stack)
    write_json(stack.directory / run.VARS_FILE, {**variables.of_stack(stack), **variables.of_removal(given)})


def _play(stack: Stack, options: Options, session: Session) -> None:
    session.log.hide([stack.become_password] if stack.become_password else [])
    settings = run.arguments(stack, "playbooks/uninstall.yml", options.passed_on, options.verbosity)
    session.play(settings, options.verbosity > 0)


def _load(given: Config, options: Options, kind: type[Target]) -> Stack:
    """The stack as its notes say, or without them. Raises StackError, UsageError, and FindingsError."""
    name = given.stack_name
    try:
        stack = stacks.load(name)
    except StackError:
        return kind.without_notes(options, given, state_directory(name))
    stack.target.check_is_meant(name, options, given)
    return replace(stack, become_password=options.become_password)


def _elsewhere(name: str) -> str:
    """Where a stack of that name is instead of here, as far as it can be seen; empty when it cannot."""
    return f" of yours, but {owner}" if (owner := stacks.of_another(name)) else ""


def _confirm(stack: Stack, options: Options) -> None:
    """Say what goes and ask. Raises UsageError when the answer is no, or nobody is there to give one."""
    print(f"This removes stack {stack.name} on {stack.target.name}:")
    print("\n".join(f"  {line}" for line in stack.target.going(stack)))
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


def _keep(log: Path, name: str) -> Path:
    """Move the log to where it outlives the stack."""
    # No stack's name begins with a dot.
    kept = private_directory(state_home() / ".uninstalled") / f"{name}-{datetime.now():%Y-%m-%dT%H%M%S}.log"
    shutil.copy2(log, kept)
    return kept


def _remove(directory: Path) -> None:
    """Remove the state directory. Raises StackError while something is mounted below it."""
    mounted = mounted_below(directory)
    if mounted:
        raise StackError(f"{mounted[0]} is still mounted; unmount it and run: {command(ACTION)}")
    control = ssh.control_directory(directory)
    shutil.rmtree(directory)
    shutil.rmtree(control, ignore_errors=True)
