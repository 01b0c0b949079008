"""The command line: its options, the action it starts, and how errors are reported."""

from __future__ import annotations

import argparse
import getpass
import importlib
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NoReturn, cast

from romana_install import __version__, targets
from romana_install.base.errors import EXIT_FAILED, EXIT_INTERRUPTED, SetupError, UsageError
from romana_install.base.findings import did_you_mean, shown
from romana_install.base.invocation import command
from romana_install.base.terminal import complain
from romana_install.config.options import Options

ACTIONS = {
    "install": "create the stack, or update it to the current configuration (the default)",
    "provision": "only create the machines, without installing anything on them",
    "validate": "check the configuration",
    "answers": "show the configuration as one file, to edit and pass with -a",
    "check": "check whether this machine, and the target, are ready for the installation",
    "plan": "show what install would create, change and remove, and in which phases",
    "verify": "test the network and the cloud: who reaches whom, and who should",
    "status": "show nodes, services (OpenStack's too) and what the agents have applied",
    "ssh": "log in to a node or an instance, or run a command there: ssh compute01 [-- command]",
    "tunnel": "-t aws, static: forward Horizon and the APIs to this machine through ssh, until Ctrl-C",
    "snapshot": "-t vagrant: save the state of the machines (save NAME), or return to it (restore NAME)",
    "rotate": "rotate tokens: replace the tokens of all clients of romana-server, without interruption",
    "uninstall": "remove the stack",
}
ALLINONE = "devstack_compute_node=0 controller_is_compute=true"
# Functions that are not named like their action, in a module of that name.
FUNCTIONS = {
    "provision": "install.provision",
    **{name: f"show.{name}" for name in ("validate", "check", "plan", "verify", "ssh")},
    **dict.fromkeys(("tunnel", "snapshot"), "own.own"),
}
FORMATS = {
    "plan": ("text", "json"),
    "check": ("text", "json"),
    "verify": ("text", "json", "junit"),
    "status": ("text", "json"),
}

EPILOG = """actions:
{actions}

examples:
  ./romana-setup -t local                            OpenStack on a Romana network
  ./romana-setup -t local -e openstack_engine=none   only the Romana network
  ./romana-setup -t local plan
  ./romana-setup -t static -i my-servers.yml         on your servers; start from inventory/static.example.yml
  ./romana-setup ssh controller -- romana show-host
  ./romana-setup answers > my.yml                    every setting; edit the file, then:
  ./romana-setup -t local -a my.yml
  ./romana-setup uninstall --yes

The configuration is group_vars/all/*.yml; docs/reference/configuration.md explains every variable.
exit codes: 0 ok, 1 failed, 2 usage or invalid configuration, 3 this machine is not ready, 4 verification failed"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see {command('--help')}")


def parser() -> argparse.ArgumentParser:
    """The options; `parse` checks targets and actions, to suggest a name that is close."""
    width = max(map(len, ACTIONS))
    made = _Parser(
        prog="romana-setup",
        usage="./romana-setup [-t TARGET] [ACTION] [options] [-- options for Ansible]",
        description="Installs a Romana network, and OpenStack on it.",
        epilog=EPILOG.format(actions="\n".join(f"  {name:<{width}}  {text}" for name, text in ACTIONS.items())),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("words", nargs="*", metavar="ACTION", help="one of the actions below")
    there = ", ".join(targets.names())
    made.add_argument("-t", "--target", metavar="TARGET", help=f"{there} (default: {targets.DEFAULT})")
    made.add_argument(
        "-e",
        "--extra-vars",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="set a variable of the configuration; also @FILE (YAML) or a JSON object; can be repeated",
    )
    made.add_argument(
        "-a", "--answers", metavar="FILE", help="read the configuration from one file, in the format that answers shows"
    )
    made.add_argument("-i", "--inventory", metavar="FILE", help="static: your servers, as an Ansible inventory")
    made.add_argument(
        "-K", "--ask-become-pass", action="store_true", help="static: ask for the sudo password of the servers"
    )
    made.add_argument(
        "--allinone", action="store_true", help=f"one node that is controller and compute node: -e '{ALLINONE}'"
    )
    made.add_argument("--from-packstack", metavar="FILE", help="answers: import an answer file of Packstack")
    made.add_argument("--from-localrc", metavar="FILE", help="answers: import a localrc or local.conf of DevStack")
    made.add_argument("-v", "--verbose", action="count", default=0, help="show Ansible's output; -vv: in more detail")
    made.add_argument("-y", "--yes", action="store_true", help="uninstall: do not ask for confirmation")
    made.add_argument(
        "--quick", action="store_true", help="install, verify: check two hosts, test no policy, boot no instances"
    )
    made.add_argument(
        "--iam-policy", action="store_true", help="plan: show the IAM permissions that -t aws needs, as JSON"
    )
    made.add_argument("--format", metavar="FORMAT", help="plan, check, status: text, json; verify: also junit")
    made.add_argument("--version", action="version", version=f"romana-setup {__version__}")
    return made


def parse(argv: Sequence[str]) -> Options:
    """Parse a command line. Raises UsageError."""
    own, passed_on = list(argv), []
    if "--" in own:
        at = own.index("--")
        own, passed_on = own[:at], own[at + 1 :]
    given = parser().parse_intermixed_args(own)
    action, *words = given.words or ["install"]
    if action not in ACTIONS:
        hint = did_you_mean(action, ACTIONS)
        raise UsageError(f"unknown action {shown(action)}{hint}; there are: {', '.join(ACTIONS)}")
    if given.target is not None and given.target not in targets.names():
        hint = did_you_mean(given.target, targets.names())
        raise UsageError(f"unknown target {shown(given.target)}{hint}; there are: {', '.join(targets.names())}")
    if words and action not in ("ssh", "snapshot", "rotate"):
        raise UsageError(f"{action} takes no further word, but got {shown(words[0])}; options for Ansible go after --")
    if given.iam_policy and action != "plan":
        raise UsageError(f"--iam-policy belongs to plan, not to {action}")
    if given.quick and action not in ("install", "verify"):
        raise UsageError(f"--quick belongs to install and verify, not to {action}")
    for source in ("from_packstack", "from_localrc"):
        if getattr(given, source) and action != "answers":
            raise UsageError(f"--{source.replace('_', '-')} belongs to answers, not to {action}")
    _check_static(given, passed_on)
    formats = FORMATS.get(action, ("text",))
    if given.format not in (None, *formats):
        raise UsageError(f"{action} has no format {shown(given.format)}; it has: {', '.join(formats)}")
    return Options(
        action=action,
        words=tuple(words),
        target=targets.OF_INVENTORY if given.inventory is not None else given.target,
        extra_vars=(*given.extra_vars, *((ALLINONE,) if given.allinone else ())),
        passed_on=tuple(passed_on),
        verbosity=given.verbose,
        yes=given.yes,
        quick=given.quick,
        iam_policy=given.iam_policy,
        answers=given.answers,
        from_packstack=given.from_packstack,
        from_localrc=given.from_localrc,
        inventory=given.inventory,
        ask_become_password=given.ask_become_pass,
        format=given.format or "text",
        argv=tuple(argv),
    )


def _check_static(given: argparse.Namespace, passed_on: Sequence[str]) -> None:
    """Raises UsageError if an option of the target static is misplaced."""
    if given.inventory is not None and given.target not in (None, targets.OF_INVENTORY):
        raise UsageError(f"-i belongs to -t {targets.OF_INVENTORY}, not to -t {given.target}")
    if {"-K", "--ask-become-pass"}.intersection(passed_on):
        raise UsageError("-K goes before --: romana-setup itself asks for the password")


def main(argv: Sequence[str] | None = None) -> int:
    """Run romana-setup; returns its exit code."""
    argv = list(sys.argv[1:] if argv is None else argv)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)  # ends like Ctrl-C: restores the terminal and tells how to resume
    try:
        options = _answered(parse(argv))
        return _action(options.action)(options)
    except SetupError as error:
        complain(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        complain("interrupted")
        return EXIT_INTERRUPTED
    except OSError as error:
        complain(f"{error.filename or 'the system'}: {(error.strerror or str(error)).lower()}")
        return EXIT_FAILED


def _answered(options: Options) -> Options:
    """The options with the password that was asked for."""
    if not options.ask_become_password:
        return options
    try:
        return replace(options, become_password=getpass.getpass("password for sudo on the servers: "))
    except EOFError:
        raise UsageError("-K asks for a password, and there is nobody to give it") from None


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _action(name: str) -> Callable[[Options], int]:
    """The function of an action; only what it needs is imported, to start fast."""
    module, function = FUNCTIONS.get(name, f"{name}.{name}").split(".")
    found = getattr(importlib.import_module(f"romana_install.actions.{module}"), function)
    return cast("Callable[[Options], int]", found)
