"""Virtualenvs apart from ours, for what has other versions of what is in it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def python_apart(name: str) -> Path:
    """The Python of the virtualenv that requirements/<name>.lock describes; made, if it is not there."""
    ensure = f'. "$root/launcher/venv.sh"; . "$root/launcher/apart.sh"; ensure_apart {name}'
    subprocess.run(["sh", "-euc", ensure], env={**os.environ, "root": str(PROJECT)}, check=True)
    return PROJECT / ".venv" / name / "bin" / "python"
