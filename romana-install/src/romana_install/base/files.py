"""Files and directories with modes that do not depend on the umask; those of the state directory for its owner only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from romana.files import write_file

PRIVATE_FILE = 0o600
PRIVATE_DIRECTORY = 0o700
SHARED_FILE = 0o644
SHARED_DIRECTORY = 0o755


def write_private(path: Path, content: str | bytes) -> bool:
    """Make `path` hold `content`, mode 0600, in one step; True when it did not before."""
    data = content.encode() if isinstance(content, str) else content
    private_directory(path.parent)
    if path.is_file() and path.read_bytes() == data:
        path.chmod(PRIVATE_FILE)
        return False
    write_file(path, data, PRIVATE_FILE)
    return True


def write_json(path: Path, data: Any) -> bool:
    """`write_private` of `data` as JSON."""
    return write_private(path, json.dumps(data, indent=2, default=str) + "\n")


@contextmanager
def restored(path: Path) -> Iterator[None]:
    """Whatever the body does to `path`, afterwards it is what it was before, or not there when it was not."""
    before = path.read_bytes() if path.is_file() else None
    try:
        yield
    finally:
        if before is None:
            path.unlink(missing_ok=True)
        else:
            write_private(path, before)


def private_directory(path: Path) -> Path:
    """Have a directory (and its parents) that only its owner can enter; one that exists is left as it is."""
    return _directory(path, PRIVATE_DIRECTORY)


def shared_directory(path: Path) -> Path:
    """Have a directory (and its parents) that all may read; one that exists is left as it is."""
    return _directory(path, SHARED_DIRECTORY)


def _directory(path: Path, mode: int) -> Path:
    if not path.is_dir():
        _directory(path.parent, mode)
        with suppress(FileExistsError):
            path.mkdir(mode=PRIVATE_DIRECTORY)
            path.chmod(mode)  # whatever the umask is
    return path
