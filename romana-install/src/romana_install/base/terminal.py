"""Plain text for people: tables, and emphasis where a terminal can show it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from typing import TextIO

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}


def is_lively(stream: TextIO) -> bool:
    """Whether a stream is a terminal that can move its cursor and show colours."""
    return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb" and "NO_COLOR" not in os.environ


def styled(text: str, style: str, stream: TextIO) -> str:
    """The text in a style, on terminals that can."""
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if is_lively(stream) else text


def table(header: Sequence[str], rows: Sequence[Sequence[str]], indent: str = "  ", columns: int | None = None) -> str:
    """Aligned columns under their headings, one line each; or where a line has no room, one line a cell.

    columns: how many characters a line has room for; None: as many as the terminal has, if the output is one.
    """
    columns = columns or (shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize)
    lines = [tuple(header), *(tuple(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    aligned = [
        indent + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    if max(map(len, aligned)) <= columns:
        return "\n".join(aligned)
    name = max(map(len, header))
    cells = [[f"{head:<{name}}  {cell}".rstrip() for head, cell in zip(header, row, strict=True)] for row in rows]
    return "\n\n".join("\n".join(indent + line for line in row) for row in cells)


def duration(seconds: float) -> str:
    """'4.2 s', '1:05' (minutes)."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02}"


def complain(text: str) -> None:
    """Lines to the standard error, each under our name unless it is indented, and so belongs to the one before."""
    sys.stdout.flush()
    name = styled("romana-setup:", "bold", sys.stderr)
    for line in text.splitlines():
        print(line if line.startswith(" ") else f"{name} {line}", file=sys.stderr)
