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
