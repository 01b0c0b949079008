"""Which number is free, and whether something changed since it was last seen."""

from __future__ import annotations

from collections.abc import Iterable

from romana.store.errors import GenerationConflictError


def lowest_free(allowed: range, taken: Iterable[int]) -> int | None:
    """The lowest number of `allowed` that is not taken; None: all are."""
    used = set(taken)
    return next((number for number in allowed if number not in used), None)


def check_generation(what: str, actual: int, expected: int | None) -> None:
    """Raises GenerationConflictError when the caller has seen another generation; None: does not care."""
    if expected is not None and expected != actual:
        raise GenerationConflictError(
            f"{what} has changed: it is at generation {actual}, not {expected}; read it again and decide anew",
            expected=expected,
            actual=actual,
        )
