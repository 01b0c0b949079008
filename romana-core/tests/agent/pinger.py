"""A ping that goes on while something happens, and how much of it was lost."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
from contextlib import suppress

from agent_lab import Guest, LabError, Namespace, until


class Pinger:
    """A ping that goes on until `losses` is asked for."""

    def __init__(self, source: Guest | Namespace, target: Guest | str, interval: float = 0.02) -> None:
        address = target if isinstance(target, str) else target.address
        inside = source.inside if isinstance(source, Guest) else source
        argv = inside.command("busybox", "ping", "-i", str(interval), "-W", "1", address)
        # A pipe that nobody reads is full after a thousand answers, and ping misses those that come meanwhile.
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - it is read when ping has ended
        self._process = subprocess.Popen(argv, stdout=self._output, stderr=subprocess.STDOUT)

    def losses(self) -> tuple[int, int]:
        """Stop. Returns how many pings were sent, and how many of them were not answered.

        Those after the last answer do not count when there was one just now: theirs may be on their way.
        """
        before = self._answered()
        with suppress(LabError):
            until(lambda: self._answered() > before, "another ping is answered", 10)
        self._process.send_signal(signal.SIGINT)
        self._process.wait(timeout=120)
        answered = self._answered()
        (total,) = re.findall(r"^(\d+) packets transmitted", self._said(), re.MULTILINE)
        sent = max(answered) + 1 if answered > before else int(total)
        self._output.close()
        return sent, len(set(range(sent)) - answered)

    def _said(self) -> str:
        """All of its output; ping writes where it was, whatever is read."""
        return os.pread(self._output.fileno(), 1 << 30, 0).decode()

    def _answered(self) -> set[int]:
        return {int(number) for number in re.findall(r" seq=(\d+) ", self._said())}
