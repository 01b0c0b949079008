"""What several runs on this machine share is changed by one of them at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .files import make_directory


@contextmanager
def alone(path: Path, waiting: Callable[[str], object] = lambda _: None) -> Iterator[None]:
    """Hold the lock while the body runs; it goes with the process, however that ends.

    waiting: is told who has it, before the wait for that.
    """
    if not path.parent.is_dir():
        make_directory(path.parent, 0o755)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting(f"process {os.pread(descriptor, 20, 0).decode()}")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)
