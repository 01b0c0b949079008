"""What happened to a stack so far: each run with its phases, how long they took and what they worked on.

Runs resume by being idempotent, not by skipping what the journal says; it is for people, and for telling how long a
run will take.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from romana_install.base.files import write_json

KEPT_RUNS = 20
MAKING = ("install", "provision")


@dataclass
class Phase:
    """One phase of a run. seconds: how long it took; ok: False while it runs and when it failed."""

    name: str
    seconds: float = 0.0
    ok: bool = False


@dataclass
class Run:
    """One run.

    kind: 'first' until an installation is completed, then see plan.Change; digest: of the configuration; command: that
    does it again; ok: whether
    it was completed.
    """

    action: str
    kind: str
    digest: str
    started: str
    command: str = ""
    ok: bool = False
    phases: list[Phase] = field(default_factory=list)


class Journal:
    """journal.json of one stack; written at each step, so that a killed run has left its trace."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.runs = _read(path)

    def begin(self, action: str, kind: str, digest: str, command: str = "", now: datetime | None = None) -> Run:
        """Note that a run begins."""
        started = (now or datetime.now(UTC)).isoformat(timespec="seconds")
        run = Run(action, kind, digest, started, command)
        self.runs = [*self.runs, run][-KEPT_RUNS:]
        self.save()
        return run

    def save(self) -> None:
        """Write it."""
        write_json(self._path, {"runs": [asdict(run) for run in self.runs]})

    def estimates(self, action: str, kind: str) -> dict[str, float]:
        """Seconds each phase took in the last completed run of that action and kind; empty when there was none."""
        for run in reversed(self.runs):
            if run.ok and (run.action, run.kind) == (action, kind):
                return {phase.name: phase.seconds for phase in run.phases}
        return {}

    def has_completed(self, action: str) -> bool:
        """Whether a run of that action was ever completed."""
        return any(run.ok and run.action == action for run in self.runs)

    def stopped(self) -> Run | None:
        """The last run that was to make something of the stack, if it did not come to its end."""
        made = [run for run in self.runs if run.action in MAKING]
        return made[-1] if made and not made[-1].ok else None

    def was_never_finished(self) -> bool:
        """Whether what there is of the stack was left by runs of which none came to its end."""
        return self.stopped() is not None and not any(self.has_completed(action) for action in MAKING)

    def has_done(self, phase: str) -> bool:
        """Whether a run, completed or not, ever came to the end of that phase."""
        return any(done.name == phase and done.ok for run in self.runs for done in run.phases)


def _read(path: Path) -> list[Run]:
    try:
        data = json.loads(path.read_text())
        return [Run(**{**run, "phases": [Phase(**phase) for phase in run["phases"]]}) for run in data["runs"]]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return []  # nothing depends on it but the time left
