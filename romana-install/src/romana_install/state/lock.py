"""One romana-setup at a time works on a stack."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from romana_install.base.errors import SetupError
from romana_install.base.files import PRIVATE_FILE, private_directory


class LockedError(SetupError):
    """Somebody else is at work; the text says who."""


@contextmanager
def held(path: Path, action: str) -> Iterator[None]:
    """Hold the lock while the body runs; it goes with the process, however that ends. Raises LockedError."""
    descriptor = _acquire(path)
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{action}, process {os.getpid()}, since {datetime.now():%Y-%m-%d %H:%M:%S}".encode(), 0)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def awaited(path: Path) -> Iterator[None]:
    """The same for what takes no time: who comes second waits."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _acquire(path: Path) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 200, 0).decode(errors="replace") or "another process"
            os.close(descriptor)
            raise LockedError(f"stack {path.parent.name} is being worked on ({holder}); wait for it to end") from None
        # Who held it may have uninstalled the stack, and this file with it.
        if path.exists() and path.stat().st_ino == os.fstat(descriptor).st_ino:
            return descriptor
        os.close(descriptor)
        private_directory(path.parent)
