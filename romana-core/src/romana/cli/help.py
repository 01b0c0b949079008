"""romana help."""

from __future__ import annotations

import argparse
from typing import cast

from romana.cli.app import RomanaApp
from romana.cli.base import Command, argument


class Help(Command):
    """Show the help of a command, or list the commands that begin with a word."""

    example = "romana help policy create"
    takes = (argument("words", nargs="*", metavar="COMMAND", help="a command, or its first word"),)

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Print it."""
        cast(RomanaApp, self.app).print_help(parsed_args.words, self.app.stdout)
        return 0
