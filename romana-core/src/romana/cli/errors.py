"""What a command can end with, besides success."""

from __future__ import annotations

from romana.client import ApiError
from romana.models import ErrorCode


class UsageError(Exception):
    """The command line itself is wrong; exit code 2."""


class CommandError(Exception):
    """The command could not do what was asked; exit code 1."""


_WHAT_TO_DO = {
    ErrorCode.UNAUTHENTICATED: "token_file must hold a valid token; `romana-manage token list` on the controller"
    " shows which there are",
    ErrorCode.FORBIDDEN: "use a token of a role that may, for example admin (--token-file)",
    ErrorCode.UNAVAILABLE: "see journalctl -u romana-server on the controller",
    ErrorCode.INTERNAL: "see journalctl -u romana-server on the controller",
}


def explain_api_error(error: ApiError) -> str:
    """The server's sentence and, where it is not part of it, what to do."""
    hint = _WHAT_TO_DO.get(error.code)
    return f"{error.message}; {hint}" if hint else error.message
