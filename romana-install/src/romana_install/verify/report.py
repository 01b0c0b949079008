"""What a verification found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

REACHABLE = "reachable"
UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. detail: what was seen, and when it is not ok what to look at next."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Cell:
    """One ordered pair of the matrix for one protocol, icmp or tcp.

    expected is REACHABLE or UNREACHABLE; observed is one of them, or says who else answered.
    """

    source: str
    target: str
    protocol: str
    expected: str
    observed: str

    @property
    def ok(self) -> bool:
        """Whether the network does what it should."""
        return self.expected == self.observed


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of one verification; `seconds` is how long it took."""

    checks: tuple[Check, ...]
    matrix: tuple[Cell, ...]
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether every check passed and every cell is as expected. A report without checks has verified nothing."""
        return bool(self.checks) and all(check.ok for check in self.checks) and all(cell.ok for cell in self.matrix)

    def as_dict(self) -> dict[str, Any]:
        """The documented JSON form."""
        return {
            "ok": self.ok,
            "checks": [{"name": check.name, "ok": check.ok, "detail": check.detail} for check in self.checks],
            "matrix": [
                {
                    "from": cell.source,
                    "to": cell.target,
                    "protocol": cell.protocol,
                    "expected": cell.expected,
                    "observed": cell.observed,
                }
                for cell in self.matrix
            ],
            "seconds": round(self.seconds, 2),
        }
