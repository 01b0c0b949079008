"""The layers of the tests, and the table of how long each took."""

from __future__ import annotations

import subprocess
from pathlib import Path

import layers
import pytest
import timetable

PROJECT = Path(__file__).parents[2]
# Run by tests of the layers drivers and roles, where Neutron and where the nodes are.
ELSEWHERE = ("networking-romana/tests/inside_neutron/", "molecule/")


def test_every_file_of_tests_is_in_a_layer() -> None:
    listed = ["git", "ls-files", "--", "*/test_*.py"]
    files = subprocess.run(listed, cwd=PROJECT, capture_output=True, text=True, check=True).stdout.splitlines()
    assert [file for file in files if layers.layer_of(file) is None and not file.startswith(ELSEWHERE)] == []


def test_no_folder_of_tests_is_a_package() -> None:
    """Two packages of one name, `tests`, are one to Python: which of them it is depends on the order of the layers."""
    listed = ["git", "ls-files", "--", "*tests/*__init__.py"]
    files = subprocess.run(listed, cwd=PROJECT, capture_output=True, text=True, check=True).stdout.splitlines()
    assert [file for file in files if not file.startswith(ELSEWHERE)] == []


def test_every_folder_of_a_layer_is_there() -> None:
    folders = [folder for layer in layers.LAYERS.values() for folder in layer.folders]
    assert [folder for folder in folders if not (PROJECT / folder).exists()] == []


def test_without_a_name_all_layers_are_meant_but_those_by_name() -> None:
    assert [*layers.chosen([]), "tempest"] == list(layers.LAYERS)
    assert layers.chosen(["tempest"]) == ["tempest"]


def test_layers_keep_their_order_however_they_are_named() -> None:
    assert layers.chosen(["modules", "quick", "guest"]) == ["lint", "unit", "api", "guest", "modules"]


def test_an_unknown_layer_is_refused() -> None:
    done = subprocess.run([PROJECT / "run-tests", "unit", "units"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("run-tests: no layer is named 'units'; there are: first lint unit ")


def report(test: str, phase: str, start: float, seconds: float) -> pytest.TestReport:
    return pytest.TestReport(
        test, (test, None, test), {}, "passed", None, phase, duration=seconds, start=start, stop=start + seconds
    )  # type: ignore[arg-type]


def test_table_counts_each_case_once_and_all_its_phases() -> None:
    reports = [
        report("tests/static/test_servers.py::test_b", "call", 1100.0, 61.0),
        report("tests/static/test_servers.py::test_b", "teardown", 1161.0, 9.0),
        report("tests/lint/test_lint.py::test_a", "call", 1000.0, 30.4),
        report("elsewhere/test_a.py::test_a", "call", 0.0, 5.0),
    ]
    assert timetable.lines(timetable.spans(reports)) == [
        "lint          1 cases    0:30   from  0:00 to  0:30",
        "static        1 cases    1:10   from  1:40 to  2:50",
    ]
    assert timetable.rows(timetable.spans(reports))[1] == {
        "layer": "static", "cases": 1, "seconds": 70.0, "from": 100.0, "to": 170.0
    }  # fmt: skip
