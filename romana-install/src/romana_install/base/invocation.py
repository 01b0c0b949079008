"""How the user starts us, and so what the commands that are shown begin with."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

PROGRAM = "./romana-setup"
PROJECT = Path(__file__).resolve().parents[4]  # the checkout

_named: list[str] = []


def name_stack(words: Sequence[str]) -> None:
    """Have commands name the stack as the user did. words: options; none when the name is that of the files."""
    _named[:] = words


def program() -> str:
    """What starts us as the same user again; by sudo where it was sudo that made us root."""
    return f"sudo {PROGRAM}" if os.geteuid() == 0 and os.environ.get("SUDO_UID", "0") != "0" else PROGRAM


def command(*words: str, stack: str | None = None) -> str:
    """A command of ours, for a shell: about the stack that the user has named, or another; empty: about none."""
    named = _named if stack is None else ["-e", f"stack_name={stack}"] if stack else []
    return again([*named, *words])


def again(argv: Sequence[str]) -> str:
    """The command of a whole command line, for a shell."""
    return f"{program()} {shlex.join(argv)}".rstrip()
