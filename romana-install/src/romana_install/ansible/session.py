"""One run on one stack: phases one after the other, shown, logged and written into the journal."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from romana_install.ansible import run as ansible
from romana_install.ansible.events import AnsibleRun, Failure, first_lines, shortened
from romana_install.ansible.log import Log
from romana_install.ansible.progress import DONE, FAILED, STOPPED, Position, Screen, screen
from romana_install.base.errors import InterruptedRunError, SetupError
from romana_install.config.options import Options
from romana_install.state.journal import Journal, Phase
from romana_install.state.journal import Run as JournalRun
from romana_install.state.stack import JOURNAL_FILE


class RunFailedError(Exception):
    """A run that failed: in which phase, on which hosts, at what, why."""

    def __init__(self, phase: str, failures: Sequence[Failure]) -> None:
        super().__init__(f"failed in phase {phase}")
        self.phase = phase
        self.failures = list(failures)


class Session:
    """A run under way. Use `opened`."""

    def __init__(self, position: Position, screen: Screen, log: Log, journal: Journal, record: JournalRun) -> None:
        self.position = position
        self.log = log
        self.changed = 0
        self._screen = screen
        self._journal = journal
        self._record = record

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """A phase whose work is the body."""
        self._begin(name)
        try:
            yield
        except BaseException as error:
            self._end(STOPPED if isinstance(error, KeyboardInterrupt) else FAILED)
            raise
        self._end(DONE)

    def note(self, text: str) -> None:
        """Show and log a line."""
        self._screen.note(text)
        self.log.write(text)

    def play(self, settings: dict[str, Any], verbose: bool, watch: ansible.Watch = ansible.nothing) -> None:
        """Run a playbook; its plays say which phases they belong to. Raises RunFailedError, KeyboardInterrupt.

        watch: as `run.start` takes it.
        """
        state = AnsibleRun()
        self.position.task = "starting Ansible"

        def on_event(event: dict[str, Any]) -> None:
            before = state.phase
            state.feed(event)
            if state.phase != before:
                if before:
                    self._end(DONE)
                self._begin(state.phase)
            if announcement := state.announcement(event):
                self.note(announcement)
            self.position.task = f"{state.task} · {state.host}" if state.host else state.task
            output = str(event.get("stdout") or "")
            self.log.write(output)
            if verbose and output:
                self._screen.note(output.replace("\r\n", "\n"))

        outcome = ansible.start(settings, on_event, watch)
        self.changed += state.changed
        if state.phase:
            well = outcome.ok and not any(outcome.trouble)
            self._end(STOPPED if outcome.interrupted else DONE if well else FAILED)
        if outcome.interrupted:
            raise KeyboardInterrupt
        if any(outcome.trouble):
            host, cause = outcome.trouble
            raise RunFailedError(state.phase or "ansible", [Failure(state.phase, host, state.task, cause)])
        if not outcome.ok:
            failures = state.failures or [Failure(state.phase, "", "", _last_words(state))]
            raise RunFailedError(state.phase or "ansible", failures)

    def completed(self) -> None:
        """Note that the run has done all it was to do."""
        self._record.ok = True
        self._journal.save()

    def _begin(self, name: str) -> None:
        self.position.enter(name)
        self.log.write(f"--- phase {name}")
        self._record.phases.append(Phase(name))
        self._journal.save()
        self._screen.phase_begun()

    def _end(self, how: str) -> None:
        seconds = self.position.leave()
        self.log.write(f"--- phase {self.position.current} {how} after {seconds:.1f} s")
        self._screen.phase_over(seconds, how)
        phase = self._record.phases[-1]
        phase.seconds, phase.ok = round(seconds, 1), how == DONE
        self._journal.save()


@contextmanager
def opened(
    directory: Path, action: str, kind: str, digest: str, phases: list[str], options: Options
) -> Iterator[Session]:
    """A run on the stack kept in `directory`; the terminal, log and journal are in order again afterwards.

    Raises SetupError when it fails or is interrupted, with what the user needs to go on.
    """
    journal = Journal(directory / JOURNAL_FILE)
    position = Position(phases, journal.estimates(action, kind))
    record = journal.begin(action, kind, digest, options.command)
    with Log(directory / "logs", action) as log:
        try:
            with screen(position, sys.stdout, verbose=options.verbosity > 0) as shown:
                yield Session(position, shown, log, journal, record)
        except RunFailedError as error:
            text = _explained(error, position, log.path, options.command)
            log.write(text)
            raise SetupError(text) from None
        except KeyboardInterrupt:
            text = f"interrupted in phase {position.current or 'start'}; to resume: {options.command}"
            log.write(text)
            raise InterruptedRunError(text) from None
        except SetupError as error:
            log.write(str(error))
            raise
        except Exception:
            log.write(traceback.format_exc())
            raise


def _explained(error: RunFailedError, position: Position, log: Path, command: str) -> str:
    where = f"phase {error.phase}"
    if error.phase in position.phases:
        where += f" ({position.phases.index(error.phase) + 1}/{len(position.phases)})"
    lines = [f"failed in {where}"]
    by_cause: dict[tuple[str, str], list[str]] = {}
    for failure in error.failures:
        by_cause.setdefault((failure.task, failure.cause), []).append(failure.host)
    for (task, cause), hosts in by_cause.items():
        lines += [f"  on      {', '.join(hosts)}"] if any(hosts) else []
        lines += [f"  task    {task}"] if task else []
        first, *more = cause.splitlines()
        lines += [f"  cause   {first}", *(f"          {line}" for line in more)]
    return "\n".join([*lines, f"  log     {log}", f"  resume  {command}"])


def _last_words(state: AnsibleRun) -> str:
    """Why Ansible ended when no task failed: its last error, which it may have broken into lines, or its last line."""
    lines = [line.strip() for line in state.tail if line.strip()] or ["Ansible ended without a word"]
    errors = [number for number, line in enumerate(lines) if "ERROR" in line]
    return "\n".join(map(shortened, first_lines(lines[errors[-1] if errors else -1 :])))
