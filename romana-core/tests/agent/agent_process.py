"""How a lab starts an agent: as systemd does, or forked from a process that has the agent's modules imported already.

The latter takes a fifth of the time. That process is this file as a program. It reads JSON from the socket that is its
standard input, one message for each agent: {"arguments": [...], "environment": {...}, "namespace": path, "log": path};
it answers with the agent's process id, and a handle on it. It ends with the socket.
"""

from __future__ import annotations

import ctypes
import functools
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

SOURCES = Path(__file__).resolve().parents[2] / "src"
LONGEST = 1 << 16  # bytes of a message
_one_at_a_time = threading.Lock()


class Process(Protocol):
    """An agent's, as much of subprocess.Popen as labs use."""

    @property
    def pid(self) -> int: ...

    def send_signal(self, number: int, /) -> None:
        """Nothing where it has ended."""

    def wait(self, timeout: float) -> object:
        """Until it has ended."""


class Forked:
    """One that is not this process's child."""

    def __init__(self, pid: int, handle: int) -> None:
        self.pid = pid
        self._handle = handle

    def __del__(self) -> None:
        os.close(self._handle)

    def send_signal(self, number: int) -> None:
        """Nothing where it has ended."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._handle, number)

    def wait(self, timeout: float) -> None:
        """Until it has ended. Raises TimeoutError."""
        poll = select.poll()
        poll.register(self._handle, select.POLLIN)
        if not poll.poll(timeout * 1000):
            raise TimeoutError(f"process {self.pid} has not ended within {timeout:.0f} s")


def command(arguments: Sequence[str], namespace: str) -> list[str]:
    """What starts an agent in a network namespace."""
    return ["ip", "netns", "exec", namespace, sys.executable, "-m", "romana.agent.main", *arguments]


def executed(arguments: Sequence[str], environment: Mapping[str, str], namespace: str, log: Path) -> Process:
    """Start an agent as systemd does; what it says goes to the end of `log`."""
    with log.open("ab") as file:
        return subprocess.Popen(command(arguments, namespace), env=environment, stdout=file, stderr=file)


def forked(arguments: Sequence[str], environment: Mapping[str, str], namespace: str, log: Path) -> Process:
    """The same in less time."""
    wanted = {
        "arguments": arguments,
        "environment": dict(environment),
        "namespace": f"/var/run/netns/{namespace}",
        "log": str(log),
    }
    with _one_at_a_time:
        channel = _prepared()
        channel.send(json.dumps(wanted).encode())
        said, (handle,), _, _ = socket.recv_fds(channel, LONGEST, 1)
    return Forked(int(said), handle)


@functools.cache
def _prepared() -> socket.socket:
    """What leads to the process that forks; it ends with this one."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    subprocess.Popen([sys.executable, __file__], stdin=its, env=os.environ | {"PYTHONPATH": str(SOURCES)})
    its.close()
    return ours


def main() -> int:
    """Fork, as often as somebody asks for it; the exit code of whichever process comes out of this."""
    from romana.agent.main import main as agent

    gc.freeze()  # agents need not look through what is there already
    with socket.socket(fileno=os.dup(sys.stdin.fileno())) as channel:
        while message := channel.recv(LONGEST):
            with suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            pid = os.fork()
            if not pid:
                break
            handle = os.pidfd_open(pid)
            socket.send_fds(channel, [str(pid).encode()], [handle])
            os.close(handle)
        else:
            return 0
    wanted = json.loads(message)
    _become(**wanted)
    return agent(wanted["arguments"])


def _become(arguments: list[str], environment: dict[str, str], namespace: str, log: str) -> None:
    """Have what the agent's process has when it is started by itself."""
    sys.argv[1:] = arguments
    os.environ.clear()
    os.environ.update(environment)
    with Path(os.devnull).open() as nothing, Path(log).open("ab") as file, Path(namespace).open() as inside:
        os.dup2(nothing.fileno(), 0)
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        if ctypes.CDLL(None, use_errno=True).setns(inside.fileno(), 0):
            raise OSError(ctypes.get_errno(), "setns")


if __name__ == "__main__":
    sys.exit(main())
