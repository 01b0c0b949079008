"""What a command can end with, besides success."""

from __future__ import annotations

from romana.client import ApiError
from romana.models import ErrorCode


class UsageError(Exception):
    """The command line itself is wrong; exit code 2."""


class CommandError(Exception):
    """The command could not do what was asked; exit code 1."""


_WHAT_TO_DO = {
    ErrorCode.UNAUTHENTICATED: "put a valid token into token_file",
    ErrorCode.FORBIDDEN: "use a token whose role may, for example admin (--token-file)",
    ErrorCode.UNAVAILABLE: "see journalctl -u romana-server on the controller",
}


def explain_api_error(error: ApiError) -> str:
    """The server's sentence and what to do where only this side knows it."""
    hint = _WHAT_TO_DO.get(error.code)
    return f"{error.message}; {hint}" if hint else error.message
