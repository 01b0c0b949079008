"""Images that differ a little from another: directories that are laid over it, kept in the user's cache."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from romana_install.state.stack import cache_home

MAKE = Path(__file__).with_name("make-layer")
# What is mounted there goes with the last process that runs there, and those end with the first.
APART = ("unshare", "--mount", "--pid", "--fork", "--kill-child")


@contextmanager
def alone(directory: Path) -> Iterator[int]:
    """One builds in a directory at a time; who waited finds it done. Gives the lock, an open file."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def layer(name: str, image: Path, script: str) -> Path:
    """What a shell script, run in the image, changes; made when it is not there, and not to be written to."""
    images = cache_home() / "images"
    digest = hashlib.sha256(json.dumps([image.name, script, MAKE.read_text()]).encode()).hexdigest()[:16]
    path = images / f"{name}-{digest}"
    with alone(images) as lock:
        if not path.is_dir():
            _make(path, image, script, lock)
    return path


def _make(path: Path, image: Path, script: str, lock: int) -> None:
    """The lock goes to the program that makes it, too: it may outlive us."""
    directory = path.with_suffix(".partial")
    shutil.rmtree(directory, ignore_errors=True)  # of one that was killed
    directory.mkdir()
    try:
        done = subprocess.run(
            [*APART, MAKE, image, directory],
            input=script,
            pass_fds=[lock],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        (directory / "upper").rename(path)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
