"""What a command can end with, besides success."""

from __future__ import annotations


class UsageError(Exception):
    """The command line itself is wrong; exit code 2."""


class CommandError(Exception):
    """The command could not do what was asked; exit code 1."""
