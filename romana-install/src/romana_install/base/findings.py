"""What is wrong with what a user gave us: collected, so that all of it is said at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from romana_install.base.errors import EXIT_PREFLIGHT, EXIT_USAGE, SetupError


@dataclass(frozen=True, order=True)
class Finding:
    """One line: where (a file, an option, a part of the machine) and the problem with its fix."""

    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.where}: {self.text}"


class FindingsError(SetupError):
    """Something the user has to put right before anything is done; `findings` is all of it."""

    exit_code = EXIT_USAGE

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = list(findings)
        super().__init__("\n".join(str(finding) for finding in self.findings))


class PreflightError(FindingsError):
    """This machine, or the stack as it is, cannot take what is asked for."""

    exit_code = EXIT_PREFLIGHT


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """' (did you mean ...?)' for the known word closest to `word`; empty when none is close."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" (did you mean {close[0]}?)" if close else ""


def shown(value: object) -> str:
    """A value as it appears in a finding: on one line, and never longer than a few words."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:45]}... ({len(str(value))} characters)"
