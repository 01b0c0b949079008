"""How tests start a program of ours: as systemd does, or forked from a process that has its modules imported already.

The latter takes a fifth of the time. That process is this file as a program, with the names of the modules, the first
of which has the function `main`. It reads JSON from the socket that is its standard input, one message for each
program: {"arguments": [...], "environment": {...}, "namespace": path or null, "streams": [paths of its standard
input, output and errors]}; it answers with the program's process id, and a handle on it. Asked {"ended": process id},
it answers with the status of that one. It ends with the socket.
"""

from __future__ import annotations

import ctypes
import functools
import gc
import importlib
import json
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

SOURCES = Path(__file__).resolve().parents[2] / "src"
AGENT = "romana.agent.main"
ROMANA = ("romana.cli.main", "romana.cli.app")
MANAGE = ("romana.manage", "romana.store.migrate")
SERVER = ("romana.server.main", "romana.server.app", "romana.server.serving", "romana.server.workers")
LONGEST = 1 << 16  # bytes of a message
LONGEST_RUN = 120  # seconds
_one_at_a_time = threading.Lock()


class Process(Protocol):
    """A program's, as much of subprocess.Popen as tests use."""

    @property
    def pid(self) -> int: ...

    def send_signal(self, number: int, /) -> None:
        """Nothing where it has ended."""

    def poll(self) -> int | None:
        """As `wait`; None: it runs."""

    def wait(self, timeout: float) -> int:
        """Until it has ended; its exit code, or the negative number of the signal that ended it."""


class Forked:
    """One that is not this process's child."""

    def __init__(self, pid: int, handle: int, channel: socket.socket) -> None:
        self.pid = pid
        self._handle = handle
        self._channel = channel

    def __del__(self) -> None:
        os.close(self._handle)

    def send_signal(self, number: int) -> None:
        """Nothing where it has ended."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._handle, number)

    def poll(self) -> int | None:
        """As `wait`; None: it runs."""
        return self._code if self._ends_within(0) else None

    def wait(self, timeout: float) -> int:
        """Until it has ended; its exit code, or the negative number of a signal. Raises TimeoutError."""
        if not self._ends_within(timeout):
            raise TimeoutError(f"process {self.pid} has not ended within {timeout:.0f} s")
        return self._code

    def _ends_within(self, seconds: float) -> bool:
        poll = select.poll()
        poll.register(self._handle, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    @functools.cached_property
    def _code(self) -> int:
        with _one_at_a_time:
            self._channel.send(json.dumps({"ended": self.pid}).encode())
            return os.waitstatus_to_exitcode(int(self._channel.recv(LONGEST)))


def agent_command(arguments: Sequence[str], namespace: str) -> list[str]:
    """What starts an agent in a network namespace."""
    return ["ip", "netns", "exec", namespace, sys.executable, "-m", AGENT, *arguments]


def executed_agent(arguments: Sequence[str], environment: Mapping[str, str], namespace: str, log: Path) -> Process:
    """Start an agent as systemd does; what it says goes to the end of `log`."""
    with log.open("ab") as file:
        return subprocess.Popen(agent_command(arguments, namespace), env=environment, stdout=file, stderr=file)


def forked_agent(arguments: Sequence[str], environment: Mapping[str, str], namespace: str, log: Path) -> Process:
    """The same in less time."""
    return _forked((AGENT,), arguments, environment, _logged(log), namespace)


def forked_server(
    arguments: Sequence[str], environment: Mapping[str, str], log: Path, namespace: str | None = None
) -> Process:
    """Start a romana-server of one process, in a network namespace or here; what it says goes to the end of `log`."""
    return _forked(SERVER, arguments, environment, _logged(log), namespace)


def forked_to_its_end(
    modules: tuple[str, ...],
    arguments: Sequence[str],
    environment: Mapping[str, str],
    fed: str = "",
    namespace: str | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program with this on its standard input, at most for LONGEST_RUN; what it has said."""
    with tempfile.TemporaryDirectory() as directory:
        streams = [Path(directory) / name for name in ("in", "out", "err")]
        streams[0].write_text(fed)
        process = _forked(modules, arguments, environment, [str(path) for path in streams], namespace)
        try:
            code = process.wait(LONGEST_RUN)
        finally:
            process.send_signal(signal.SIGKILL)
        return subprocess.CompletedProcess([*modules[:1], *arguments], code, *(one.read_text() for one in streams[1:]))


def _logged(log: Path) -> list[str]:
    return [os.devnull, str(log), str(log)]


def _forked(
    modules: tuple[str, ...],
    arguments: Sequence[str],
    environment: Mapping[str, str],
    streams: list[str],
    namespace: str | None = None,
) -> Forked:
    where = None if namespace is None else f"/var/run/netns/{namespace}"
    wanted = {"arguments": arguments, "environment": dict(environment), "namespace": where, "streams": streams}
    with _one_at_a_time:
        channel = _prepared(modules)
        channel.send(json.dumps(wanted).encode())
        said, (handle,), _, _ = socket.recv_fds(channel, LONGEST, 1)
    return Forked(int(said), handle, channel)


@functools.cache
def _prepared(modules: tuple[str, ...]) -> socket.socket:
    """What leads to the process that forks; it ends with this one."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    subprocess.Popen([sys.executable, __file__, *modules], stdin=its, env=os.environ | {"PYTHONPATH": str(SOURCES)})
    its.close()
    return ours


def main(modules: Sequence[str]) -> int:
    """Fork, as often as somebody asks for it; the exit code of whichever process comes out of this."""
    program, *_ = [importlib.import_module(name) for name in modules]
    gc.freeze()  # who is forked need not look through what is there already
    with socket.socket(fileno=os.dup(sys.stdin.fileno())) as channel:
        while message := channel.recv(LONGEST):
            wanted = json.loads(message)
            if ended := wanted.get("ended"):
                channel.send(str(os.waitpid(ended, 0)[1]).encode())
                continue
            pid = os.fork()
            if not pid:
                break
            handle = os.pidfd_open(pid)
            socket.send_fds(channel, [str(pid).encode()], [handle])
            os.close(handle)
        else:
            return 0
    _become(**wanted)
    code: int = program.main()
    # What Python would do now, for all that was imported, takes as long as a fifth of an agent's life here.
    logging.shutdown()
    sys.stdout.flush()
    os._exit(code)


def _become(arguments: list[str], environment: dict[str, str], namespace: str | None, streams: list[str]) -> None:
    """Have what the program's process has when it is started by itself."""
    sys.argv[1:] = arguments
    os.environ.clear()
    os.environ.update(environment)
    for number, (path, mode) in enumerate(zip(streams, ("rb", "ab", "ab"), strict=True)):
        with Path(path).open(mode) as file:
            os.dup2(file.fileno(), number)
    if namespace is None:
        return
    with Path(namespace).open() as inside:
        if ctypes.CDLL(None, use_errno=True).setns(inside.fileno(), 0):
            raise OSError(ctypes.get_errno(), "setns")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
