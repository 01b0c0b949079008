"""Several server processes behind one listening socket: starts them, replaces one that dies, ends them all."""

from __future__ import annotations

import logging
import os
import select
import signal
import time
from collections.abc import Callable
from typing import NoReturn

from romana.parent import end_with
from romana.server.failure import ServingError

log = logging.getLogger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
BLOCKED = (*SIGNALS, signal.SIGHUP)
# A process that ends this soon after its start, this often in a row, will not do better next time.
SHORT_LIFE = 2.0  # seconds
SHORT_LIVES = 5


class Workers:
    """The parent of `count` processes.

    Args:
        count: how many processes.
        work: what each does; it calls its argument once it serves, and returns when SIGTERM ends it.
        ready: called once, when all serve.
        reload: called on SIGHUP, in the parent, whose state new processes begin with, and in each process.
    """

    def __init__(
        self,
        count: int,
        work: Callable[[Callable[[], None]], None],
        ready: Callable[[], None],
        reload: Callable[[], None],
    ) -> None:
        self._count = count
        self._work = work
        self._ready = ready
        self._reload = reload
        self._children: dict[int, float] = {}  # process id -> when it was started
        self._serving = 0
        self._short_lives = 0
        self._ending = False
        self._said, self._say = os.pipe()  # a byte for each process that serves
        self._rung, self._ring = os.pipe()  # a byte for each signal
        for descriptor in (self._said, self._rung, self._ring):
            os.set_blocking(descriptor, False)

    def run(self) -> None:
        """Run until SIGTERM or SIGINT, then end all. Raises ServingError when the processes don't live."""
        signal.set_wakeup_fd(self._ring)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)  # rings
        signal.signal(signal.SIGHUP, self._reload_all)
        try:
            for _ in range(self._count):
                self._start()
            while not self._ending:
                select.select([self._said, self._rung], [], [])
                _drain(self._rung)
                self._count_serving()
                for child in _ended():
                    self._replace(child)
        finally:
            for child in self._children:
                os.kill(child, signal.SIGTERM)
            for child in self._children:
                os.waitpid(child, 0)

    def _end(self, _number: int, _frame: object) -> None:
        self._ending = True

    def _reload_all(self, _number: int, _frame: object) -> None:
        self._reload()
        for child in self._children:
            os.kill(child, signal.SIGHUP)

    def _start(self) -> None:
        # A signal to the child waits until the child has stopped handling signals as its parent.
        signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED)
        parent = os.getpid()
        child = os.fork()
        if not child:
            end_with(parent, signal.SIGTERM)
            signal.set_wakeup_fd(-1)
            for number in SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            signal.signal(signal.SIGHUP, lambda _number, _frame: self._reload())
        else:
            self._children[child] = time.monotonic()  # before SIGHUP can come, which goes to all that are here
        signal.pthread_sigmask(signal.SIG_UNBLOCK, BLOCKED)
        if not child:
            self._be_child()

    def _be_child(self) -> NoReturn:
        code = 1
        try:
            self._work(lambda: _write(self._say))
            code = 0
        except Exception:
            # The top of this process: what stands above belongs to the parent and must not run here, too.
            log.exception("a server process failed")
        finally:
            logging.shutdown()
            os._exit(code)

    def _count_serving(self) -> None:
        before = self._serving
        self._serving += _drain(self._said)
        if before < self._count <= self._serving:
            self._ready()

    def _replace(self, child: int) -> None:
        lived = time.monotonic() - self._children.pop(child)
        if self._ending:
            return
        self._short_lives = self._short_lives + 1 if lived < SHORT_LIFE else 0
        if self._short_lives >= SHORT_LIVES:
            raise ServingError("server processes end as soon as they start; their log above says why")
        log.error("server process %d ended after %.0f s and is replaced; its log above may say why", child, lived)
        self._start()


def _ended() -> list[int]:
    """The children that have ended since the last call."""
    ended: list[int] = []
    while True:
        try:
            child, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if not child:
            return ended
        ended.append(child)


def _drain(descriptor: int) -> int:
    """Take what has come; how many bytes."""
    try:
        return len(os.read(descriptor, 4096))
    except BlockingIOError:
        return 0


def _write(descriptor: int) -> None:
    os.write(descriptor, b"1")
