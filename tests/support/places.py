"""Where tests keep what they make on this machine: the same for every run, so what a killed one left is found."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

PLACE = Path(tempfile.gettempdir()) / f"romana-tests-{os.geteuid()}"


def remove_empty() -> None:
    """Remove it, the directories in it, and those in them, as far as nothing is in these."""
    for directory in (*PLACE.glob("*/*/"), *PLACE.glob("*/"), PLACE):
        with contextlib.suppress(OSError):
            directory.rmdir()
