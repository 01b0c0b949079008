"""How the user starts us, and so what the commands that are shown begin with."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

PROGRAM = "./romana-setup"
PROJECT = Path(__file__).resolve().parents[4]  # the checkout


def program() -> str:
    """What starts us as the same user again; by sudo where it was sudo that made us root."""
    return f"sudo {PROGRAM}" if os.geteuid() == 0 and os.environ.get("SUDO_UID", "0") != "0" else PROGRAM


def command(*words: str) -> str:
    """A command of ours, for a shell."""
    return f"{program()} {shlex.join(words)}".rstrip()
