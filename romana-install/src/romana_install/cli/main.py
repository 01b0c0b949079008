"""The command line: what the words mean, which action they start, and how everything that goes wrong is said."""

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
    "install": "make the stack, or make it what the configuration says now (the default)",
    "provision": "make the machines alone, and install nothing on them",
    "validate": "check the configuration",
    "answers": "show the configuration as one file, to be edited and given with -a",
    "check": "check whether this machine, and AWS, are ready for it",
    "plan": "show what install would make, add and remove, and in which phases",
    "verify": "compare who reaches whom with who should",
    "status": "show nodes, services (OpenStack's too) and what agents have applied",
    "ssh": "log in to a node or an instance, or run a command there: ssh compute01 [-- command]",
    "tunnel": "-t aws, static: have Horizon and the APIs on this machine, by ssh, until Ctrl-C",
    "snapshot": "-t vagrant: keep the machines as they are (save NAME), or go back to that (restore NAME)",
    "rotate": "rotate tokens: give all who ask romana-server new ones; nothing is interrupted",
    "uninstall": "remove the stack",
}
ALLINONE = "devstack_compute_node=0 controller_is_compute=true"
# Where the functions are that are not called like their action, in a module that is.
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
  ./romana-setup -t local -e openstack_engine=none   the Romana network alone
  ./romana-setup -t local plan
  ./romana-setup -t static -i my-servers.yml         on servers of yours; begin with inventory/static.example.yml
  ./romana-setup ssh controller -- romana show-host
  ./romana-setup answers > my.yml                    everything there is to set; edit it, then:
  ./romana-setup -t local -a my.yml
  ./romana-setup uninstall --yes

The configuration is group_vars/all/*.yml; docs/reference/configuration.md explains every variable.
exit codes: 0 ok, 1 failed, 2 usage or invalid configuration, 3 this machine is not ready, 4 verification failed"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see {command('--help')}")


def parser() -> argparse.ArgumentParser:
    """The options; targets and actions are checked by `parse`, which can say what was meant."""
    width = max(map(len, ACTIONS))
    made = _Parser(
        prog="romana-setup",
        usage="./romana-setup [-t TARGET] [ACTION] [options] [-- options for Ansible]",
        description="Installs a Romana network, and OpenStack on it.",
        epilog=EPILOG.format(actions="\n".join(f"  {name:<{width}}  {text}" for name, text in ACTIONS.items())),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("words", nargs="*", metavar="ACTION", help="one of those below")
    there = ", ".join(targets.names())
    made.add_argument("-t", "--target", metavar="TARGET", help=f"{there} (default: {targets.DEFAULT})")
    made.add_argument(
        "-e",
        "--extra-vars",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="set a variable of the configuration; also @FILE (YAML) or a JSON object; may be given several times",
    )
    made.add_argument("-a", "--answers", metavar="FILE", help="a configuration in one file, as answers shows")
    made.add_argument("-i", "--inventory", metavar="FILE", help="static: your servers, as an inventory of Ansible's")
    made.add_argument(
        "-K", "--ask-become-pass", action="store_true", help="static: ask for the password that sudo asks for there"
    )
    made.add_argument("--allinone", action="store_true", help=f"one node that is everything: -e '{ALLINONE}'")
    made.add_argument("--from-packstack", metavar="FILE", help="answers: take over what Packstack's answer file says")
    made.add_argument("--from-localrc", metavar="FILE", help="answers: take over what DevStack's localrc says")
    made.add_argument("-v", "--verbose", action="count", default=0, help="show Ansible's own output; -vv: more of it")
    made.add_argument("-y", "--yes", action="store_true", help="uninstall: do not ask")
    made.add_argument(
        "--quick", action="store_true", help="install, verify: look at two hosts, try no policy, boot no instances"
    )
    made.add_argument("--iam-policy", action="store_true", help="plan: show the permissions that -t aws needs, as JSON")
    made.add_argument("--format", metavar="FORMAT", help="plan, check, status: text, json; verify: also junit")
    made.add_argument("--version", action="version", version=f"romana-setup {__version__}")
    return made


def parse(argv: Sequence[str]) -> Options:
    """Understand a command line. Raises UsageError."""
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
    """Raises UsageError when what belongs to the target static is in the wrong place."""
    if given.inventory is not None and given.target not in (None, targets.OF_INVENTORY):
        raise UsageError(f"-i belongs to -t {targets.OF_INVENTORY}, not to -t {given.target}")
    if {"-K", "--ask-become-pass"}.intersection(passed_on):
        raise UsageError("-K goes before --: romana-setup itself asks for the password")


def main(argv: Sequence[str] | None = None) -> int:
    """Run romana-setup; returns its exit code."""
    argv = list(sys.argv[1:] if argv is None else argv)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)  # ends like Ctrl-C: with the terminal in order and a word on how to resume
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
    """The function of an action; only what it needs is imported, as a start is to take no time."""
    module, function = FUNCTIONS.get(name, f"{name}.{name}").split(".")
    found = getattr(importlib.import_module(f"romana_install.actions.{module}"), function)
    return cast("Callable[[Options], int]", found)
