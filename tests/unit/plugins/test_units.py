"""What the module `units` finds to do, and how it says why a unit does not run."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from plugins.modules import units


def unit(**different: str) -> dict[str, str]:
    """A unit that runs as configured, but for what is given."""
    usual = {"LoadState": "loaded", "ActiveState": "active", "SubState": "running", "NeedDaemonReload": "no"}
    started = str(int(time.monotonic() * 1e6))
    files = {"InactiveExitTimestampMonotonic": started, "FragmentPath": "/usr/lib/os-release", "DropInPaths": ""}
    return usual | {"UnitFileState": "enabled"} | files | different


def test_units_that_run_as_configured_need_nothing() -> None:
    assert not units.plan(["a", "b"], [unit(), unit(UnitFileState="static")]).changes


@pytest.mark.parametrize(
    ("different", "expected"),
    [
        ({"ActiveState": "inactive", "SubState": "dead"}, ("start",)),
        ({"ActiveState": "failed", "SubState": "failed"}, ("start",)),
        ({"ActiveState": "activating", "SubState": "auto-restart"}, ("start",)),
        ({"NeedDaemonReload": "yes"}, ("reload", "restart")),
        ({"NeedDaemonReload": "yes", "ActiveState": "inactive", "SubState": "dead"}, ("reload", "start")),
        ({"UnitFileState": "disabled"}, ("enable",)),
        ({"LoadState": "masked"}, ("missing",)),
    ],
    ids=str,
)
def test_what_a_unit_needs(different: dict[str, str], expected: tuple[str, ...]) -> None:
    todo = units.plan(["a"], [unit(**different)])
    needed = [name for name in ("missing", "reload", "enable", "start", "restart") if getattr(todo, name)]
    assert tuple(needed) == expected


def test_unit_whose_drop_in_is_newer_than_its_start_is_restarted(tmp_path: Path) -> None:
    drop_in = tmp_path / "romana.conf"
    drop_in.write_text("[Service]\n")
    later = time.time() + 1
    os.utime(drop_in, (later, later))
    assert units.plan(["a"], [unit(DropInPaths=f"/nowhere {drop_in}")]).restart == ("a",)


def test_last_words_are_the_programs_own() -> None:
    journal = "\n".join(
        ["Starting a.service - A...", "cannot bind to port 80", "a.service: Main process exited", "Failed to start a."]
    )
    assert units.last_words(journal) == "cannot bind to port 80"


def test_properties_of_several_units_are_read() -> None:
    assert units.parse("Id=a\nLoadState=loaded\n\nId=b\nLoadState=masked\n") == [
        {"Id": "a", "LoadState": "loaded"},
        {"Id": "b", "LoadState": "masked"},
    ]


def test_what_systemd_could_not_run_is_said_with_its_reason() -> None:
    journal = "\n".join(
        [
            "Starting a.service - A...",
            "a.service: Failed at step EXEC spawning /opt/a: Permission denied",
            "a.service: Main process exited, code=exited, status=203/EXEC",
            "a.service: Failed with result 'exit-code'.",
            "Failed to start a.service - A.",
        ]
    )
    assert units.last_words(journal) == "a.service: Failed at step EXEC spawning /opt/a: Permission denied"


class Recorded:
    """What the module asks for, in the place of Ansible's."""

    def __init__(self, state: str) -> None:
        self.state = state
        self.commands: list[list[str]] = []

    def run_command(self, command: list[str], check_rc: bool = False) -> tuple[int, str, str]:
        assert check_rc == (command[0] == "systemctl")
        self.commands.append(command)
        return 0, self.state if command[0] == "systemctl" else "the reason", ""


def test_why_a_unit_does_not_run_is_asked_about_its_last_start_alone() -> None:
    module = Recorded("Id=a\nActiveState=failed\nSubState=failed\nInvocationID=0123\n")
    assert units.Systemd(module).failed(["a"]) == {"a": "the reason"}
    assert module.commands[-1][-3:] == ["_SYSTEMD_INVOCATION_ID=0123", "+", "INVOCATION_ID=0123"]


def test_a_unit_that_was_never_started_has_no_lines_of_earlier_ones() -> None:
    module = Recorded("Id=a\nActiveState=inactive\nSubState=dead\nInvocationID=\n")
    assert units.Systemd(module).failed(["a"])["a"].startswith("systemd has not started it")
    assert [command[0] for command in module.commands] == ["systemctl"]
