"""Files and directories with the modes that are said, whatever the umask is. romana-core has a link to this source."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def make_directory(path: Path, mode: int) -> None:
    """Have a directory, and those above it, each that is made with `mode`; one that is there gets it, too."""
    if not path.parent.is_dir():
        make_directory(path.parent, mode)
    path.mkdir(exist_ok=True)
    path.chmod(mode)


def write_file(path: Path, content: str | bytes, mode: int) -> None:
    """Have a file hold `content`. Whoever reads it, also after a power failure, finds the old content or the new.

    Raises OSError.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fchmod(handle, mode)
            os.fsync(handle)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
