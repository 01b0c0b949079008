"""How long each layer of the tests took."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import layers
import pytest


@dataclass
class Span:
    """A layer in a run: its cases, and in seconds what they took one after the other, and from when to when."""

    cases: set[str] = field(default_factory=set)
    seconds: float = 0.0
    begin: float = float("inf")
    end: float = 0.0

    def add(self, report: pytest.TestReport) -> None:
        """Count one phase of a case: what it needs is made, it runs, what it needed is removed."""
        self.cases.add(report.nodeid)
        self.seconds += report.duration
        self.begin = min(self.begin, report.start)
        self.end = max(self.end, report.stop)


def spans(reports: Iterable[pytest.TestReport]) -> dict[str, Span]:
    """The layers that ran, in their order."""
    found: dict[str, Span] = {}
    for report in reports:
        if layer := layers.layer_of(report.nodeid):
            found.setdefault(layer, Span()).add(report)
    return {name: found[name] for name in layers.LAYERS if name in found}


def lines(found: dict[str, Span]) -> list[str]:
    """A table: layer, number of cases, how long they took, and from when to when of the whole run."""
    first = min((span.begin for span in found.values()), default=0.0)
    return [
        f"{name:<10}{len(span.cases):>5} cases{clock(span.seconds):>8}   "
        f"from {clock(span.begin - first):>5} to {clock(span.end - first):>5}"
        for name, span in found.items()
    ]


def clock(seconds: float) -> str:
    """Minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"
