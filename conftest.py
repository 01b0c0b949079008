"""What all tests need."""

from __future__ import annotations

import signal
from typing import Any

import layers
import pytest
import timetable
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling


def pytest_configure() -> None:
    """Give Ctrl-C its meaning back: a shell that starts us in the background has it ignored, by our children too."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # How long an example takes is the machine's affair.
    settings.register_profile("romana", deadline=None)
    settings.load_profile("romana")


class Units(LoadFileScheduling):  # type: ignore[misc]
    """Gives each process a file of tests at a time, or a layer whose files belong together."""

    def _split_scope(self, nodeid: str) -> str:
        return layers.unit_of(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Units:
    """Say which tests run in one process."""
    return Units(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show how long each layer took, before pytest's last line."""
    reports = [report for several in terminalreporter.stats.values() for report in several]
    lines = timetable.lines(timetable.spans(report for report in reports if isinstance(report, pytest.TestReport)))
    if lines:
        terminalreporter.section("layers")
        terminalreporter.write("\n".join([*lines, ""]))
