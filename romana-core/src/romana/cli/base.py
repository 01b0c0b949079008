"""What the commands share: one-line usage errors, the connection, and output as table, json, yaml or csv."""

from __future__ import annotations

import argparse
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, cast

from cliff import command, lister, show
from cliff.formatters.base import ListFormatter, SingleFormatter
from stevedore import ExtensionManager

from romana.cli.cells import cell
from romana.cli.errors import UsageError
from romana.cli.formats import formatters
from romana.client import Client
from romana.models import Model

if TYPE_CHECKING:
    from romana.cli.app import RomanaApp


class Parser(argparse.ArgumentParser):
    """argparse whose errors are one line, and which never guesses what an abbreviated option means."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(
            **settings, add_help=False, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter
        )

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(f"{message}; see {self.prog} --help")


def argument(*names: str, **settings: Any) -> tuple[tuple[str, ...], dict[str, Any]]:
    """One of what a command takes, in the words of argparse."""
    return names, settings


class Command(command.Command):
    """One command. The docstring's first line is its summary, `example` is shown by --help."""

    example: ClassVar[str]
    takes: ClassVar[tuple[tuple[tuple[str, ...], dict[str, Any]], ...]] = ()

    @property
    def api(self) -> Client:
        """The server. Raises ConfigError."""
        return cast("RomanaApp", self.app).api

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser of the command's own options; the global ones are the application's."""
        parser = Parser(prog=prog_name, description=self.get_description(), epilog=f"example:\n  {self.example}")
        for names, settings in self.takes:
            parser.add_argument(*names, **settings)
        return parser


class Listing(lister.Lister, Command):
    """A command that prints one row for each thing; columns are fields of the thing."""

    columns: ClassVar[tuple[str, ...]]

    def _load_formatter_plugins(self) -> ExtensionManager[ListFormatter]:
        return formatters()

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Like cliff's, but an empty table shows its head."""
        parser = super().get_parser(prog_name)
        parser.set_defaults(print_empty=True)
        return parser

    @abstractmethod
    def things(self, args: argparse.Namespace) -> Iterable[Model]:
        """What to print."""

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Iterable[Sequence[Any]]]:
        """Columns and rows."""
        _check_columns(parsed_args.columns, self.columns)
        return self.columns, [
            [cell(getattr(thing, name)) for name in self.columns] for thing in self.things(parsed_args)
        ]


class Showing(show.ShowOne, Command):
    """A command that prints all fields of one thing."""

    shows: ClassVar[type[Model]]

    def _load_formatter_plugins(self) -> ExtensionManager[SingleFormatter]:
        return formatters()

    @abstractmethod
    def thing(self, args: argparse.Namespace) -> Model:
        """What to print."""

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Sequence[Any]]:
        """Names and values of the fields."""
        fields = tuple(self.shows.model_fields)
        _check_columns(parsed_args.columns, fields)
        thing = self.thing(parsed_args)
        return fields, [cell(getattr(thing, name)) for name in fields]


class Deleting(Command):
    """A command that takes something away and says so in one line."""

    @abstractmethod
    def delete(self, args: argparse.Namespace) -> str:
        """Delete it and return what was deleted, in words."""

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Delete and say so."""
        self.app.stdout.write(self.delete(parsed_args) + "\n")
        return 0


def _check_columns(asked: Sequence[str], known: Sequence[str]) -> None:
    """Before anything is sent: a command must not fail after it has changed something."""
    unknown = [name for name in asked if name not in known]
    if unknown:
        raise UsageError(f"there is no column {unknown[0]!r}; there are {', '.join(known)}")
