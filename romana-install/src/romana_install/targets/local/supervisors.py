"""The supervisors of a local stack's nodes: whether they still run, as told by the lock that each keeps.

A node does not always end with its supervisor, so an answer of the node says nothing about it.
"""

from __future__ import annotations

import fcntl
from dataclasses import dataclass, field
from pathlib import Path

from romana_install.base.invocation import command

CONSOLE_LINES = 3


def problem(directory: Path, node: str) -> str:
    """What is wrong with a node's supervisor, and what to do; empty when it runs.

    directory: the stack's.
    """
    if _pid(directory / "nodes" / node) is not None:
        return ""
    return f"{_last_words(directory / 'nodes' / node)}; start it again with: {command('install')}"


@dataclass
class Watch:
    """Notices supervisors that end during a run, unless the run itself stops them. directory: the stack's."""

    directory: Path
    _seen: set[Path] = field(default_factory=set)

    def __call__(self) -> tuple[str, str]:
        """A node whose supervisor ran when this was called before and has died, and what to say; else empty."""
        for node in sorted(self.directory.glob("nodes/*")):
            if _pid(node) is not None:
                self._seen.add(node)
            elif node in self._seen and not (node / "stopping").exists() and (node / "supervisor.pid").exists():
                return node.name, _last_words(node)
        return "", ""


def _pid(node: Path) -> int | None:
    """The supervisor's process id; None when none runs."""
    try:
        with (node / "supervisor.pid").open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(lock.read() or 0)
    except FileNotFoundError:
        pass
    return None


def _last_words(node: Path) -> str:
    try:
        lines = (node / "console.log").read_text(errors="replace").splitlines()
    except FileNotFoundError:
        lines = []
    said = " / ".join(line.strip() for line in lines[-CONSOLE_LINES:]) or "nothing"
    return f"the supervisor of this container has ended; its console said last: {said}"
