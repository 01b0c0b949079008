"""romana help."""

from __future__ import annotations

import argparse
from typing import cast

from romana.cli.app import RomanaApp
from romana.cli.base import Command


class Help(Command):
    """Show the help of a command, or list the commands that begin with a word."""

    example = "romana help policy create"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Words of the command."""
        parser = super().get_parser(prog_name)
        parser.add_argument("words", nargs="*", metavar="COMMAND", help="a command, or its first word")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Print it."""
        cast(RomanaApp, self.app).print_help(parsed_args.words, self.app.stdout)
        return 0
