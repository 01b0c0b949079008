"""A world: /etc, /var, /run, processes and network of its own, without a way out. Programs are started in it.

When its first process ends, all that it holds is gone: machines, networks, mounts. And that ends when the tests do.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyroute2 import netns
from waiting import eventually

INIT = Path(__file__).with_name("init.py")
PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """In a child: end when the tests do, also when these are killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class World:
    """The world. Use it as a context."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.variables: dict[str, str] = {}
        self.first: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> World:
        shutil.rmtree(self.directory, ignore_errors=True)  # what a killed run has left
        self.directory.mkdir(parents=True)
        own = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        command = ["unshare", *own, sys.executable, str(INIT), str(self.directory)]
        self.first = subprocess.Popen(command, preexec_fn=die_with_parent)
        eventually((self.directory / "ready").exists, "the world is there")
        return self

    def __exit__(self, *_: object) -> None:
        if self.first:
            self.first.kill()
            self.first.wait()
        shutil.rmtree(self.directory)

    @property
    def pid(self) -> int:
        """The first process, as this machine numbers it."""
        assert self.first is not None
        return children(self.first.pid)[0]

    @property
    def inside(self) -> list[str]:
        """What begins a command that runs in it."""
        return ["nsenter", f"--target={self.pid}", "--net", "--mount", "--pid"]

    @property
    def environment(self) -> dict[str, str]:
        """The variables of programs in it."""
        return {**os.environ, **self.variables}

    @contextmanager
    def network(self) -> Iterator[None]:
        """Be in its network meanwhile: this thread, and those and the programs that it starts."""
        netns.pushns(f"/proc/{self.pid}/ns/net")
        try:
            yield
        finally:
            netns.popns()

    def start(self, *command: str, **environment: str) -> subprocess.Popen[str]:
        """Start a program in it."""
        return subprocess.Popen(
            [*self.inside, *command],
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd="/",
        )

    def run(self, *command: str, code: int = 0, **environment: str) -> str:
        """Run a program in it to its end, expect its exit code; returns what it printed."""
        process = self.start(*command, **environment)
        output, _ = process.communicate()
        assert process.returncode == code, f"exit {process.returncode}, not {code}: {command}\n{output}"
        return output


def children(pid: int) -> list[int]:
    """The processes that a process of one thread has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
