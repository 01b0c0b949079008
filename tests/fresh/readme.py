"""The commands that README's quick start gives, as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def quick_start() -> list[str]:
    """The commands in their order, without the remarks behind them."""
    section = re.split(r"^## ", (PROJECT / "README.md").read_text(), flags=re.MULTILINE)[1]
    assert section.startswith("Quick start\n")
    lines = re.findall(r"^ {4}(\S.*)$", section, flags=re.MULTILINE)
    return [line.partition(" # ")[0].rstrip() for line in lines]
