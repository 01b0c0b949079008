"""Conversations over TCP that say who is seen on the other side, and that can be held open."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

from agent_lab import LabError, Namespace

PROGRAM = Path(__file__).with_name("talking.py")
PORT = 7000  # where a Speaker listens


class Speaker:
    """Answers every line with the address that it comes from."""

    def __init__(self, namespace: Namespace) -> None:
        self._process = _start(namespace, "serve")
        if self._read() != "ready":
            raise LabError("it does not listen")

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


class Talk:
    """A conversation with a Speaker, begun by somebody. `seen`: as whom; empty when there is no answer."""

    def __init__(self, namespace: Namespace, address: str, port: int = PORT) -> None:
        self._process = _start(namespace, "talk", address, str(port))
        self.seen = self.ask()

    def ask(self) -> str:
        """The answer to one more line; empty when there is none."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write("?\n")
            self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


def seen(namespace: Namespace, address: str, port: int = PORT) -> str:
    """As whom a Speaker at an address sees who is in a namespace; empty when there is no answer."""
    talk = Talk(namespace, address, port)
    talk.close()
    return talk.seen


def _start(namespace: Namespace, *arguments: str) -> subprocess.Popen[str]:
    argv = namespace.command(sys.executable, "-IS", str(PROGRAM), *arguments)
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
