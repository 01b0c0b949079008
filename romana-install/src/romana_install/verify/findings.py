"""Collects what a verification finds, in the order it is found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from romana_install.verify.report import Cell, Check, Report

MOST_PROBLEMS_NAMED = 5


class Findings:
    """A report that is being written. told: who is to hear of each check at once."""

    def __init__(self, told: Callable[[Check], None] | None = None) -> None:
        self._told = told
        self._checks: list[Check] = []
        self._matrix: list[Cell] = []

    def note(self, name: str, problems: Sequence[str], good: str) -> None:
        """Record one check: it passed, with the detail `good`, when there are no problems."""
        named = "; ".join(problems[:MOST_PROBLEMS_NAMED])
        more = f"; and {len(problems) - MOST_PROBLEMS_NAMED} more" if len(problems) > MOST_PROBLEMS_NAMED else ""
        self._append([Check(name, not problems, named + more if problems else good)])

    @property
    def ok(self) -> bool:
        """Whether everything is as it should be until now."""
        return all(check.ok for check in self._checks)

    def add(self, other: Findings) -> None:
        """Append what another one collected."""
        self._append(other._checks)
        self._matrix += other._matrix

    def matrix(self, cells: Sequence[Cell], second_try: int) -> None:
        """Record the matrix, and a check for each protocol that sums it up.

        second_try: how many pairs answered only when asked once more.
        """
        self._matrix += cells
        for protocol in dict.fromkeys(cell.protocol for cell in cells):
            of_protocol = [cell for cell in cells if cell.protocol == protocol]
            wrong = [f"{cell.source} -> {cell.target} is {cell.observed}" for cell in of_protocol if not cell.ok]
            self.note(f"matrix {protocol}", wrong, f"{len(of_protocol)} pairs as expected")
        if second_try:
            self.note("lost packets", [], f"{second_try} pairs answered only when asked again")

    def _append(self, checks: Iterable[Check]) -> None:
        for check in checks:
            self._checks.append(check)
            if self._told:
                self._told(check)

    def report(self, seconds: float) -> Report:
        """What was found, as it is to be handed on."""
        return Report(tuple(self._checks), tuple(self._matrix), seconds)
