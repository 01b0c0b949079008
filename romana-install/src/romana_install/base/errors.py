"""What goes wrong in ways we foresee: each says what and how to go on, and has its exit code."""

from __future__ import annotations

EXIT_FAILED, EXIT_USAGE, EXIT_PREFLIGHT, EXIT_VERIFY, EXIT_INTERRUPTED = 1, 2, 3, 4, 130


class SetupError(Exception):
    """An end that is explained to the user; the text is what is shown."""

    exit_code = EXIT_FAILED


class UsageError(SetupError):
    """A command line that means nothing, or a question that was not answered with yes."""

    exit_code = EXIT_USAGE


class VerifyFailedError(SetupError):
    """The network does not do what it should."""

    exit_code = EXIT_VERIFY


class InterruptedRunError(SetupError):
    """The user ended it."""

    exit_code = EXIT_INTERRUPTED
