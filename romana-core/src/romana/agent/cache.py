"""The agent's own files: the last desired state, and what must be put back when the agent is removed."""

from __future__ import annotations

import logging
from pathlib import Path

from pydantic import ValidationError

from romana.agent.faults import Received, read
from romana.files import write_file

log = logging.getLogger(__name__)


class StateCache:
    """The last desired state on disk, with its members: with it a host's network comes up without the server."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "state.json"

    def load(self) -> Received | None:
        """The last state; None when there is none or it cannot be used."""
        try:
            return read(self.path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            reason = str(error).partition("\n")[0]
            log.warning("the last state in %s is not usable (%s); waiting for the server", self.path, reason)
            return None

    def store(self, kept: Received) -> None:
        """Keep it. Raises OSError."""
        write_file(self.path, kept.model_dump_json(), 0o600)
