"""The application: global options, looking a command up, help."""

from __future__ import annotations

import argparse
import difflib
from contextlib import ExitStack
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any, TextIO

from cliff.app import App
from cliff.commandmanager import CommandManager

from romana.cli import exit_codes
from romana.cli.base import Parser
from romana.cli.commands import ORIGINAL_NAMES, entry_points
from romana.cli.connection import connect
from romana.cli.errors import UsageError
from romana.client import Client

DESCRIPTION = (
    "Show and change a Romana network: hosts, tenants, segments, endpoints, policies, routers and floating IPs."
)
EPILOG = """\
configuration: $ROMANA_CONFIG, ~/.config/romana/client.toml or /etc/romana/client.toml, the first that exists
exit codes: 0 ok; 1 failed, refused or something differs; 2 usage or invalid configuration

examples:
  romana host list
  romana explain 10.0.18.5
  romana policy create web --from demo --to admin/s1 --protocol tcp --port 80
  romana help policy create"""


class RomanaApp(App):
    """`romana`, without cliff's scan of installed packages, which takes longer than most commands."""

    NAME = "romana"

    def __init__(self) -> None:
        super().__init__(description=DESCRIPTION, version=None, command_manager=CommandManager())
        self.command_manager.commands.update(entry_points())
        self._opened = ExitStack()

    @cached_property
    def api(self) -> Client:
        """The server that options and configuration name, until `run` ends. Raises ConfigError."""
        return self._opened.enter_context(connect(self.options))

    def build_option_parser(
        self,
        description: str | None,
        version: str | None,  # noqa: ARG002 - looking it up costs time that only --version needs
        argparse_kwargs: dict[str, Any] | None = None,
    ) -> argparse.ArgumentParser:
        """The options that every command has."""
        parser = Parser(
            prog=self.NAME,
            usage="romana [global options] <command> [options]",
            description=description,
            epilog=EPILOG,
            **(argparse_kwargs or {}),
        )
        parser.add_argument("-h", "--help", action="store_true", help="show this help, or that of a command")
        parser.add_argument("--version", action="store_true", help="show the version")
        parser.add_argument("--url", help="URL of romana-server, like https://192.168.99.10:9600")
        parser.add_argument(
            "--ca-file", type=Path, help="PEM file of the authority that signed the server's certificate"
        )
        parser.add_argument("--token-file", type=Path, help="file with the token")
        parser.add_argument("--debug", action="store_true", help="show the traceback of an internal error")
        return parser

    def run(self, argv: list[str]) -> int:
        """Run one command line; raises what goes wrong, see romana.cli.main."""
        self.options, words = self.parser.parse_known_args(argv)
        if self.options.help:
            self.print_help(words, self.stdout)
            return exit_codes.OK
        if self.options.version:
            self.stdout.write(f"{self.NAME} {_version()}\n")
            return exit_codes.OK
        if not words:
            self.print_help([], self.stderr)
            return exit_codes.USAGE
        factory, name, rest = self._find(words)
        command = factory(self, self.options)
        with self._opened:
            code: int = command.run(command.get_parser(f"{self.NAME} {name}").parse_args(rest))
        return code

    def print_help(self, words: list[str], out: TextIO) -> None:
        """Print the help of the command in `words`, of all commands that begin with them, or the overview."""
        group = self._beginning_with(words)
        if not words:
            self.parser.print_help(out)
            out.write("\n")
        if group:
            out.write("commands (the help of one: romana help <command>):\n")
            width = max(len(name) for name in group)
            for name in group:
                out.write(f"  {name:{width}}  {self._summary(name)}\n")
            return
        factory, name, _ = self._find(words)
        factory(self, self.options).get_parser(f"{self.NAME} {name}").print_help(out)

    def _summary(self, name: str) -> str:
        if name in ORIGINAL_NAMES:
            return f"The same as {ORIGINAL_NAMES[name]}"
        command = self.command_manager.commands[name].load()(self, None)
        return command.get_description().splitlines()[0].rstrip(".")

    def _beginning_with(self, words: list[str]) -> list[str]:
        """Names of the commands of which `words` are the beginning but not the whole, sorted."""
        names = (name for name, _ in self.command_manager)
        return sorted(name for name in names if len(name.split()) > len(words) and name.split()[: len(words)] == words)

    def _find(self, words: list[str]) -> tuple[Any, str, list[str]]:
        try:
            return self.command_manager.find_command(words)
        except ValueError:
            raise UsageError(self._unknown(words)) from None

    def _unknown(self, words: list[str]) -> str:
        if group := self._beginning_with(words[:1]):
            verbs = ", ".join(name.split()[1] for name in group if name not in ORIGINAL_NAMES)
            return f"{words[0]!r} needs one of: {verbs}; see romana help {words[0]}"
        typed = " ".join(words[:2])
        names = [name for name, _ in self.command_manager]
        close = difflib.get_close_matches(typed, names, n=1) or difflib.get_close_matches(words[0], names, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        return f"{typed[:60]!r} is not a command; {hint}see romana --help"


def _version() -> str:
    try:
        return metadata.version("romana-core")
    except metadata.PackageNotFoundError:
        return "(run from its source)"
