"""Waiting for a change to hold on all hosts."""

from __future__ import annotations

import time
from collections.abc import Callable

LOOK = 0.2  # seconds between two looks


def is_soon(look: Callable[[], bool], within: float) -> bool:
    """Whether something is so by then, in seconds; returns as soon as it is."""
    end = time.monotonic() + within
    while not look():
        if time.monotonic() > end:
            return False
        time.sleep(LOOK)
    return True
