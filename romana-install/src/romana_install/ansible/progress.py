"""Which phase a run is in, how long it has taken and how long it will; shown on a terminal or as plain lines."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from threading import Timer
from typing import TYPE_CHECKING, TextIO

from romana_install.base.terminal import duration, is_lively, styled

if TYPE_CHECKING:
    from rich.text import Text

DONE, FAILED, STOPPED = "done", "failed", "stopped"
REDRAWS = 8  # a second
LONG = 10.0  # seconds; a phase that takes longer than this is said to have begun where nothing shows that it goes on


@dataclass
class Position:
    """Where a run is among its phases. Pure.

    estimates: seconds each phase took last time; clock: seconds, monotonic.
    """

    phases: list[str]
    estimates: Mapping[str, float] = field(default_factory=dict)
    clock: Callable[[], float] = time.monotonic
    current: str = ""
    task: str = ""
    over: bool = False
    begun: float = 0.0
    phase_begun: float = 0.0

    def __post_init__(self) -> None:
        self.begun = self.phase_begun = self.clock()

    def enter(self, phase: str) -> None:
        """Begin a phase; one that was not expected takes its place after the current one."""
        if phase not in self.phases:
            at = self.phases.index(self.current) + 1 if self.current else 0
            self.phases.insert(at, phase)
        self.current, self.task, self.over, self.phase_begun = phase, "", False, self.clock()

    def leave(self) -> float:
        """End the current phase; returns how long it took, in seconds."""
        self.task, self.over = "", True
        return self.phase_seconds

    @property
    def number(self) -> int:
        """The current phase's number, from 1."""
        return self.phases.index(self.current) + 1

    @property
    def phase_seconds(self) -> float:
        """How long the current phase has taken."""
        return self.clock() - self.phase_begun

    @property
    def seconds(self) -> float:
        """How long the run has taken."""
        return self.clock() - self.begun

    @property
    def left(self) -> float | None:
        """Seconds the run will still take, going by last time; None when there was no last time."""
        if not self.estimates:
            return None
        later = self.phases[self.number :] if self.current else self.phases
        now = 0.0 if self.over else max(self.estimates.get(self.current, 0.0) - self.phase_seconds, 0.0)
        return now + sum(self.estimates.get(phase, 0.0) for phase in later)


class Screen(AbstractContextManager["Screen"]):
    """Shows a run as plain lines: one for each phase when it is over, and one before for those that take long."""

    def __init__(self, position: Position, out: TextIO, long: float = LONG) -> None:
        self.position = position
        self.out = out
        self._long = long
        self._timer: Timer | None = None

    def __exit__(self, *_: object) -> None:
        """Leave the terminal as it was."""
        self._stop_timer()

    def phase_begun(self) -> None:
        """The current phase has begun."""
        self._timer = Timer(self._long, self.note, [f"{self._phase()}  begun"])
        self._timer.daemon = True
        self._timer.start()

    def _stop_timer(self) -> None:
        """Return when it can no longer say anything."""
        if self._timer:
            self._timer.cancel()
            self._timer.join()

    def _phase(self) -> str:
        position = self.position
        return f"[{position.number}/{len(position.phases)}] {position.current:<12}"

    def note(self, text: str) -> None:
        """Show a line that stays."""
        print(text, file=self.out, flush=True)

    def phase_over(self, seconds: float, how: str) -> None:
        """Show how the current phase ended (done, failed, stopped), after how many seconds."""
        self._stop_timer()
        end = styled(f"[ {how.upper()} ]", "green" if how == DONE else "red", self.out)
        self.note(f"{self._phase()} {duration(seconds):>8}  {end}")


class LiveScreen(Screen):
    """The same, with a line below that says what is going on now."""

    def __init__(self, position: Position, out: TextIO) -> None:
        super().__init__(position, out)
        from rich.console import Console
        from rich.live import Live

        self._live = Live(
            console=Console(file=out, highlight=False, soft_wrap=False),
            get_renderable=self._line,
            refresh_per_second=REDRAWS,
            transient=True,
        )

    def __enter__(self) -> LiveScreen:
        """Take the last line of the terminal."""
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Give it back."""
        self._live.stop()

    def phase_begun(self) -> None:
        """The live line shows it."""

    def note(self, text: str) -> None:
        """Show a line that stays, above the live one."""
        from rich.text import Text

        self._live.console.print(Text.from_ansi(text), soft_wrap=True)

    def _line(self) -> Text:
        from rich.text import Text

        position = self.position
        spin = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"[int(position.seconds * REDRAWS) % 10]
        times = f"{duration(position.seconds)} so far"
        if position.left is not None:
            times += f", about {duration(position.left)} left"
        under_way = position.current and not position.over
        head = f"{spin} [{position.number}/{len(position.phases)}] {position.current:<12} " if under_way else f"{spin} "
        return Text.assemble(head, (f"{times}  ", "cyan"), (position.task, "dim"), no_wrap=True, overflow="ellipsis")


def screen(position: Position, out: TextIO, verbose: bool) -> Screen:
    """The screen that fits: plain when the output is not a terminal, or when Ansible's own output is shown."""
    live = is_lively(out) and not verbose
    return LiveScreen(position, out) if live else Screen(position, out)


INSTALL_PHASES: Sequence[str] = ("release", "provision", "prepare", "openstack", "romana", "tenants", "demo", "verify")


def install_phases(openstack: bool, demo: bool) -> list[str]:
    """The phases of an installation, in order.

    openstack: whether it installs an OpenStack; demo: whether that gets something to start with.
    """
    without = {phase for phase, there in (("openstack", openstack), ("demo", openstack and demo)) if not there}
    return [phase for phase in INSTALL_PHASES if phase not in without]
