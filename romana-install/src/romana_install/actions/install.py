"""The action `install`: from a checked configuration to a verified network. Every step can be taken again.

And `provision`, which is its beginning: the machines, and nothing on them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from romana.contract import ClientError
from romana_install import verify
from romana_install.actions import summary
from romana_install.actions.context import Wanted, wanted
from romana_install.ansible import leftovers, run, variables
from romana_install.ansible.events import Failure
from romana_install.ansible.release import ReleaseError, build_release
from romana_install.ansible.session import RunFailedError, Session, opened
from romana_install.base.errors import VerifyFailedError
from romana_install.base.files import PRIVATE_DIRECTORY, private_directory, restored, write_json
from romana_install.base.findings import Finding, PreflightError
from romana_install.base.invocation import PROJECT, command
from romana_install.config.options import Options
from romana_install.config.settings import PASSWORD_NAMES, Config
from romana_install.state import access, lock, pki, secrets, ssh
from romana_install.state.journal import Journal
from romana_install.state.stack import (
    JOURNAL_FILE,
    SECRETS_FILE,
    STACK_FILE,
    Node,
    Stack,
    StackError,
    cache_home,
    state_home,
)
from romana_install.targets import preflight, stacks, tunnel

ACTION = "install"
PLAYBOOKS = {ACTION: "playbooks/site.yml", "provision": "playbooks/provision.yml"}


def preflight_findings(want: Wanted) -> list[Finding]:
    """Everything that stands in the way of installing this."""
    found = want.target.preflight(want.intent)
    if want.existing is not None and want.change.remove:
        names = [node.name for node in want.change.remove]
        found += preflight.occupied(names, _endpoints(want.existing))
    return found


def install(options: Options) -> int:
    """Install; returns the exit code. Raises what cli.main knows how to say."""
    return _prepared(options, _install)


def provision(options: Options) -> int:
    """Have the machines; returns the exit code. Raises what cli.main knows how to say."""
    return _prepared(options, _provision)


def _prepared(options: Options, work: Callable[[Options, Wanted], int]) -> int:
    """Do the work when nothing stands in its way and nobody else works on the stack."""
    want = wanted(options)
    found = preflight_findings(want)
    if found:
        raise PreflightError(found)
    directory = private_directory(want.stack.directory)
    directory.chmod(PRIVATE_DIRECTORY)
    with lock.held(directory / "lock", options.action):
        if leftovers.end(directory):
            print("ended what an earlier romana-setup that was killed had left running")
        want = wanted(options)
        if options.is_trial:
            return _try_out(options, want)
        want = replace(want, target=want.target.settled(want.intent))
        _note(want)
        return work(options, want)


def _note(want: Wanted) -> None:
    """Write down that the stack is made, unless one has been noted meanwhile that it clashes with.

    Raises PreflightError.
    """
    with lock.awaited(state_home() / ".lock"):
        found = list(want.target.clashes(want.stack, stacks.existing()))
        if found:
            raise PreflightError(found)
        stacks.save(want.stack)


def _install(options: Options, want: Wanted) -> int:
    started = time.monotonic()
    stack = want.stack
    journal = Journal(stack.directory / JOURNAL_FILE)
    kind = want.change.kind if journal.has_completed(ACTION) else "first"
    with opened(stack.directory, ACTION, kind, want.digest, want.phases, options) as session:
        made = _play(options, want, session)
        if stack.has_openstack:
            ways = tunnel.overrides(stack, want.config, made["passwords"]) if stack.target.by_ssh(stack) else {}
            access.write(stack, want.config, made["passwords"], ways)
        stack = _left(want.config, replace(stack, served=True))
        _verify(session, stack, quick=options.quick or kind == "again")
        session.completed()
    seconds = time.monotonic() - started
    print(summary.of_install(options, want, stack, session.changed, seconds, session.log.path))
    return 0


def _provision(options: Options, want: Wanted) -> int:
    with opened(want.stack.directory, options.action, want.change.kind, want.digest, ["provision"], options) as session:
        _play(options, want, session)
        _left(want.config, want.stack)
        session.completed()
    print(
        f"the machines are there (changed={session.changed}); what goes on them: {command(ACTION)};"
        f" log: {session.log.path}"
    )
    return 0


def _left(config: Config, stack: Stack) -> Stack:
    """Note that the nodes that were leaving have left; returns the stack as it is now."""
    stack = replace(stack, leaving=())
    stacks.save(stack)
    _make_keys(config, stack)
    return stack


def _try_out(options: Options, want: Wanted) -> int:
    """Let Ansible say what it would change (--check), and leave the stack as it is."""
    phases = [phase for phase in want.phases if phase != "verify"] if options.action == ACTION else ["provision"]
    directory = want.stack.directory
    with (
        restored(directory / STACK_FILE),
        restored(directory / SECRETS_FILE),  # a password that is only tried out is not the one in use
        opened(directory, f"{options.action}-check", "check", want.digest, phases, options) as session,
    ):
        _play(options, want, session)
        session.completed()
    print(f"nothing was changed; an installation would have changed={session.changed}; log: {session.log.path}")
    return 0


def _play(options: Options, want: Wanted, session: Session) -> dict[str, Any]:
    """All that Ansible needs, and Ansible; returns the secrets."""
    stack = want.stack
    session.log.hide([stack.become_password] if stack.become_password else [])
    session.log.hide(want.config.openstack_passwords.values())  # the command may name them, and the log the command
    session.note(_headline(want))
    for line in want.warning:
        session.note(line)
    stacks.save(stack)  # also when it is only tried out
    made = _make_keys(want.config, stack)
    session.log.hide(secrets.values(made))
    release_path = digest = ""
    if options.action == ACTION:
        with session.phase("release"):
            release_path, digest = _release(want, stack.target.node_python(want.config, stack))
    write_json(stack.directory / run.VARS_FILE, variables.of_install(want.config, stack, release_path, digest, made))
    settings = run.arguments(stack, PLAYBOOKS[options.action], options.passed_on, options.verbosity)
    session.play(settings, options.verbosity > 0, stack.target.watch(stack))
    return made


def _make_keys(config: Config, stack: Stack) -> dict[str, Any]:
    """Keys, certificates and secrets; returns the secrets. Nodes that are leaving keep theirs until they have left."""
    ssh.ensure(stack)
    names = [stack.controller.name, stack.controller.address, "localhost", "127.0.0.1"]
    pki.ensure(stack.directory / "pki", stack.name, names)
    passwords = PASSWORD_NAMES if stack.has_openstack else ()
    hosts = [node.name for node in stack.present]
    return secrets.ensure(stack.directory / SECRETS_FILE, hosts, passwords, config.openstack_passwords)


def _release(want: Wanted, python: str) -> tuple[str, str]:
    """What of ours goes onto the nodes: path and digest."""
    cache = Path(want.config.local_cache_dir) if want.config.local_cache_dir else cache_home()
    try:
        release = build_release(PROJECT, cache / "releases", python)
    except ReleaseError as error:
        raise RunFailedError("release", [Failure("release", "this machine", "", str(error))]) from None
    return str(release.path), release.digest


def _verify(session: Session, stack: Stack, quick: bool) -> None:
    with session.phase("verify"):
        report = verify.run(stack, quick=quick, told=lambda check: session.log.write(verify.check_line(check)))
        session.log.write(verify.conclusion(report))
        if not report.ok:
            text = verify.render(report)
            raise VerifyFailedError(f"the network does not do what it should\n{text}\n  log     {session.log.path}")


def _headline(want: Wanted) -> str:
    def names(nodes: tuple[Node, ...]) -> str:
        return ", ".join(node.name for node in nodes)

    change = want.change
    parts = [
        f"{verb} {names(nodes)}"
        for verb, nodes in (("add", change.add), ("remove", change.remove), (want.kept, change.keep))
        if nodes
    ]
    return f"stack {want.config.stack_name} on {want.target.name}, engine {want.engine}: {'; '.join(parts)}"


def _endpoints(stack: Stack) -> dict[str, int]:
    """How many endpoints each host has; empty when the server cannot be asked, which the playbooks then find out."""
    try:
        with stack.client() as client:
            return {host.name: host.endpoints for host in client.hosts()}
    except (ClientError, StackError, OSError):
        return {}
