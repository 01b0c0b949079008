"""Processes, by their numbers."""

from __future__ import annotations

from pathlib import Path


def alive(pid: int) -> bool:
    """Whether that process runs; one that has ended, and that nobody has asked about yet, does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the second: it ended between opening and reading
        return False
