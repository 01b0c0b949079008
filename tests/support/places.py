"""Where tests keep what they make on this machine: the same for every run, so what a killed one left is found."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from pathlib import Path

PLACE = Path(tempfile.gettempdir()) / f"romana-tests-{os.geteuid()}"


def hold() -> int:
    """Have it, and say for as long as the descriptor that is returned is open that somebody uses it."""
    PLACE.mkdir(exist_ok=True)
    held = os.open(PLACE, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(held, fcntl.LOCK_SH)
    return held


def remove_empty(held: int) -> None:
    """Remove it, the directories in it, and those in them, as far as nothing is in these; not if others use it, too."""
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for directory in (*PLACE.glob("*/*/"), *PLACE.glob("*/"), PLACE):
            with contextlib.suppress(OSError):
                directory.rmdir()
    os.close(held)
