"""The log of one run: what was shown and what Ansible said, without secrets."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from types import TracebackType

from romana_install.base.files import PRIVATE_FILE, private_directory

_CONTROL = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|\r")
KEPT_LOGS = 50


class Log:
    """logs/<time>-<action>.log of a stack, for its owner only. Secrets given to `hide` never reach it."""

    def __init__(self, directory: Path, action: str) -> None:
        private_directory(directory)
        self.path = directory / f"{datetime.now():%Y-%m-%dT%H%M%S}-{action}.log"
        self._file = os.fdopen(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE_FILE), "w")
        self._secrets: list[str] = []
        for old in sorted(directory.glob("*.log"))[:-KEPT_LOGS]:
            old.unlink()

    def __enter__(self) -> Log:
        """For `with`."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self._file.close()

    def hide(self, secrets: Iterable[str]) -> None:
        """Never write these."""
        self._secrets += secrets

    def write(self, text: str) -> None:
        """Add lines, each with the time of day."""
        for secret in self._secrets:
            text = text.replace(secret, "(secret)")
        time = f"{datetime.now():%H:%M:%S}"
        for line in _CONTROL.sub("", text).splitlines():
            if line.strip():
                self._file.write(f"{time} {line}\n")
        self._file.flush()
