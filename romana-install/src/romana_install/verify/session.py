"""A conversation with romana-probe on one node: many requests at the same time over one ssh."""

from __future__ import annotations

import json
import subprocess
import tempfile
import threading
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from romana_install.state.ssh_errors import last_words

MARK = b'{"id": '  # how romana-probe begins an answer
SECONDS_TO_END = 3


class ProbeError(Exception):
    """A node or a probe on it could not do what was asked; one line, names the node."""


class Session:
    """romana-probe on one node, started by `command`. Everything it made there goes away with `close`."""

    def __init__(self, node: str, command: list[str], password: str = "") -> None:
        """password: what `command` reads first, for sudo; empty for nothing."""
        self.node = node
        self._waiting: dict[int, Future[Any]] = {}
        self._last = 0
        self._ended = False
        self._lock = threading.Lock()
        self._messages = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close(); not a pipe: ssh's master keeps it open
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._messages,
                start_new_session=True,  # Ctrl-C is for us; the probes are ended in good order
            )
        except OSError as error:
            self._messages.close()
            raise ProbeError(f"{node}: cannot start {command[0]}: {error.strerror}") from None
        if password:
            assert self._process.stdin is not None
            with suppress(OSError):  # it has ended; the reader says so
                self._process.stdin.write(password.encode() + b"\n")
                self._process.stdin.flush()
        self._reader = threading.Thread(target=self._read, name=f"probe-{node}", daemon=True)
        self._reader.start()

    def send(self, do: str, **fields: object) -> Future[Any]:
        """Send a request; its future has the result, or raises ProbeError."""
        future: Future[Any] = Future()
        with self._lock:
            self._last += 1
            if self._ended:
                future.set_exception(ProbeError(self._why_it_ended()))
                return future
            self._waiting[self._last] = future
            assert self._process.stdin is not None
            with suppress(OSError):  # it has ended; the reader says so to all that wait
                self._process.stdin.write(json.dumps({"id": self._last, "do": do} | fields).encode() + b"\n")
                self._process.stdin.flush()
        return future

    def close(self) -> None:
        """End romana-probe and wait until it is gone."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(OSError):  # nobody read what was still buffered
            self._process.stdin.close()
        try:
            self._process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        self._process.stdout.close()
        self._messages.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._dispatch(line)
        self._process.wait()
        with self._lock:
            self._ended = True
            waiting, self._waiting = self._waiting, {}
            reason = self._why_it_ended()
        for future in waiting.values():
            future.set_exception(ProbeError(reason))

    def _dispatch(self, line: bytes) -> None:
        try:
            # A login shell may have begun the line with something of its own.
            answer = json.loads(line[max(line.find(MARK), 0) :])
            number, ok = answer["id"], answer["ok"]
        except (ValueError, TypeError, KeyError):
            return  # what a login shell prints
        with self._lock:
            future = self._waiting.pop(number, None)
        if future is None:
            return
        if ok:
            future.set_result(answer["result"])
        else:
            future.set_exception(ProbeError(f"{self.node}: {answer['error']}"))

    def _why_it_ended(self) -> str:
        if self._messages.closed:
            return f"{self.node}: the session is closed"
        self._messages.seek(0)
        said = self._messages.read().decode(errors="replace").strip()
        return (
            f"{self.node}: {last_words(said) if said else f'romana-probe ended with code {self._process.returncode}'}"
        )
