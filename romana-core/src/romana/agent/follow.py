"""Follows what the server has for this host: a thread that waits for what is new, for as long as it takes."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable

from romana.agent.api import NOTHING, Server
from romana.agent.faults import Received
from romana.contract import AnswerError, ClientError

log = logging.getLogger(__name__)

WAIT = 50  # seconds the server may hold a request
FIRST_PAUSE = 0.2  # seconds
LONGEST_PAUSE = 5.0  # seconds


class Pauses:
    """How long to wait before each next try: doubling up to a bound, a little random so that hosts spread."""

    def __init__(self) -> None:
        self._next = FIRST_PAUSE

    def reset(self) -> None:
        """It worked."""
        self._next = FIRST_PAUSE

    def next(self) -> float:
        """Seconds; it did not work."""
        pause = self._next
        self._next = min(2 * pause, LONGEST_PAUSE)
        return pause * random.uniform(0.75, 1.25)  # noqa: S311 - nobody gains by guessing it


class Follower(threading.Thread):
    """Follows the server.

    Args:
        server: whom to ask.
        received: called with all that is new, and with everything after each time the server was away.
        unreadable: called with why an answer cannot be read.
    """

    def __init__(self, server: Server, received: Callable[[Received], None], unreadable: Callable[[str], None]) -> None:
        super().__init__(name="follow", daemon=True)
        self._server = server
        self._received = received
        self._unreadable = unreadable
        self._ended = threading.Event()

    def run(self) -> None:
        """Until `end`."""
        pauses = Pauses()
        seen = NOTHING  # the server may have been restored to an older state
        said = ""
        while not self._ended.is_set():
            try:
                changes = self._server.changes(seen, WAIT)
            except ClientError as error:
                seen = NOTHING
                if str(error) != said:
                    said = str(error)
                    (log.error if error.lasting else log.warning)("the network stays as it is: %s", said)
                    if isinstance(error, AnswerError):
                        self._unreadable(said)
                self._ended.wait(pauses.next())
                continue
            if said:
                log.info("the server answers again")
                said = ""
            pauses.reset()
            if changes is not None:
                seen = seen.after(changes)
                self._received(changes)

    def end(self) -> None:
        """Have the thread end at its next chance."""
        self._ended.set()
