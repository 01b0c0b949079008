"""Output that may lose its reader, as of `| head`: what is said then is for nobody, and the work goes on."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class Outlet(io.FileIO):
    """A file that turns into /dev/null when its reader is gone, for whoever inherits it, too."""

    def write(self, data: ReadableBuffer, /) -> int:
        """Write; returns how many bytes count as written."""
        try:
            return super().write(data)
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return memoryview(data).nbytes


def keep_going() -> None:
    """Let no write to standard output or standard error fail for want of a reader.

    Whatever the three standard streams are, we and what we start wait for them: another program may have left them
    non-blocking (ssh does, when it is killed), which Ansible refuses.
    """
    for descriptor in range(3):
        os.set_blocking(descriptor, True)
    sys.stdout, sys.stderr = _opened(sys.stdout), _opened(sys.stderr)


def _opened(stream: TextIO) -> TextIO:
    outlet = io.BufferedWriter(Outlet(stream.fileno(), "w", closefd=False))
    return io.TextIOWrapper(outlet, stream.encoding, stream.errors, line_buffering=True)
