"""What a module would change, worked out whole before anything is touched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Step = TypeVar("Step")


class RefusedError(Exception):
    """Why a module can't do what it was asked: one sentence for the user, with the fix."""


@dataclass(frozen=True)
class Difference(Generic[Step]):
    """From `before` to `after` (both {} for a thing that isn't there) by `steps`, in order; no steps: no change."""

    before: dict[str, Any]
    after: dict[str, Any]
    steps: tuple[Step, ...] = ()
    warning: str | None = None

    def result(self) -> dict[str, Any]:
        """The part of a module's result that is the same for every module."""
        return {"changed": bool(self.steps), "diff": {"before": self.before, "after": self.after}}
