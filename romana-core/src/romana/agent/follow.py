"""Follows the host's desired state on the server: a thread that waits for the next one, for as long as it takes."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable

from romana.agent.api import Server, ServerError
from romana.models import HostState

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
    """Calls `received` with each new state, and with the present one after each time the server was away."""

    def __init__(self, server: Server, received: Callable[[HostState], None]) -> None:
        super().__init__(name="follow", daemon=True)
        self._server = server
        self._received = received
        self._ended = threading.Event()

    def run(self) -> None:
        """Until `end`."""
        pauses = Pauses()
        after: int | None = None  # unknown: the server may have been restored to an older state
        said = ""
        while not self._ended.is_set():
            try:
                state = self._server.state(after, WAIT)
            except ServerError as error:
                after = None
                if str(error) != said:
                    said = str(error)
                    (log.error if error.refused else log.warning)("%s; the network stays as it is", said)
                self._ended.wait(pauses.next())
                continue
            if said:
                log.info("the server answers again")
                said = ""
            pauses.reset()
            if state is not None:
                after = state.generation
                self._received(state)

    def end(self) -> None:
        """Have the thread end at its next chance."""
        self._ended.set()
