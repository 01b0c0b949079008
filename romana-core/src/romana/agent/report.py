"""Reports what is in place to the server: a thread that sends the newest report, until the server has it."""

from __future__ import annotations

import logging
import threading

from romana.agent.api import Server
from romana.agent.follow import Pauses
from romana.contract import ClientError
from romana.models import Applied

log = logging.getLogger(__name__)


class Reporter(threading.Thread):
    """Reports that come while one is on its way are coalesced: only the last is sent."""

    def __init__(self, server: Server) -> None:
        super().__init__(name="report", daemon=True)
        self._server = server
        self._changed = threading.Condition()
        self._newest: Applied | None = None
        self._sent: Applied | None = None
        self._ended = False

    def submit(self, applied: Applied) -> None:
        """This is what is in place now."""
        with self._changed:
            self._newest = applied
            self._changed.notify()

    def resend(self) -> None:
        """The server may have forgotten: say it again."""
        with self._changed:
            self._sent = None
            self._changed.notify()

    def end(self) -> None:
        """Have the thread end at its next chance."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def run(self) -> None:
        """Until `end`."""
        pauses = Pauses()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._ended or self._newest != self._sent)
                if self._ended:
                    return
                applied = self._newest
                self._sent = applied
            try:
                if applied is not None:
                    self._server.report(applied)
            except ClientError as error:
                if error.lasting:
                    log.warning("the report was not taken: %s", error)
                # otherwise the follower says it, once
                with self._changed:
                    self._sent = None
                    self._changed.wait_for(lambda: self._ended, timeout=pauses.next())
            else:
                pauses.reset()
