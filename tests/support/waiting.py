"""Waiting for what happens."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
DEADLINE = 300.0  # seconds until something that was to happen counts as not happening, however busy the machine is
LOOK = 0.1  # seconds between two looks at what tells nobody


def eventually(look: Callable[[], T], what: str, deadline: float = DEADLINE, pause: float = LOOK) -> T:
    """The first true result of `look`, which is tried until the deadline (seconds)."""
    end = time.monotonic() + deadline
    while not (result := look()):
        assert time.monotonic() < end, f"not within {deadline} s: {what}"
        time.sleep(pause)
    return result
