"""How long each layer of the tests took."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

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


def rows(found: dict[str, Span]) -> list[dict[str, Any]]:
    """The same in seconds, for programs."""
    first = min((span.begin for span in found.values()), default=0.0)
    return [
        {
            "layer": name,
            "cases": len(span.cases),
            "seconds": round(span.seconds, 1),
            "from": round(span.begin - first, 1),
            "to": round(span.end - first, 1),
        }
        for name, span in found.items()
    ]


def lines(found: dict[str, Span]) -> list[str]:
    """A table: layer, number of cases, how long they took, and from when to when of the whole run."""
    return [
        f"{row['layer']:<10}{row['cases']:>5} cases{clock(row['seconds']):>8}   "
        f"from {clock(row['from']):>5} to {clock(row['to']):>5}"
        for row in rows(found)
    ]


def clock(seconds: float) -> str:
    """Minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"
