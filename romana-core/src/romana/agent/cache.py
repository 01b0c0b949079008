"""The agent's own files: the last desired state, and what must be put back when the agent is removed."""

from __future__ import annotations

import logging
import os
import tempfile
from pathlib import Path

from pydantic import ValidationError

from romana.models import HostState

log = logging.getLogger(__name__)


def write_atomically(path: Path, content: str, mode: int = 0o600) -> None:
    """Whoever reads `path`, also after a power failure, finds the old content or the new. Raises OSError."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


class StateCache:
    """The last desired state on disk: with it a host's network comes up without the server."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "state.json"

    def load(self) -> HostState | None:
        """The last state; None when there is none or it cannot be used."""
        try:
            return HostState.model_validate_json(self.path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            reason = str(error).partition("\n")[0]
            log.warning("the last state in %s is not usable (%s); waiting for the server", self.path, reason)
            return None

    def store(self, state: HostState) -> None:
        """Keep it. Raises OSError."""
        write_atomically(self.path, state.model_dump_json())
