"""The layers of the tests, and the table of how long each took."""

from __future__ import annotations

import os
import re
import subprocess
import sys
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
    by_name = ["tempest", "vagrant-openstack", "aws-liberty", "aws-real"]
    assert [*layers.chosen([]), *by_name] == list(layers.LAYERS)
    assert layers.chosen(by_name) == by_name


def test_layers_keep_their_order_however_they_are_named() -> None:
    assert layers.chosen(["modules", "quick", "guest"]) == ["lint", "unit", "api", "guest", "modules"]


def test_everything_is_all_layers() -> None:
    assert layers.chosen(["everything"]) == layers.chosen([])


REAL = "tests/e2e/aws/real/test_real.py"


@pytest.mark.parametrize("named", ["tests/e2e/aws", "tests/e2e/aws/devstack"])
def test_what_takes_an_hour_on_aws_is_only_there_by_its_own_name(named: str) -> None:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", named]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    assert ("test_liberty.py" in done.stdout) is named.endswith("devstack")


@pytest.mark.parametrize(("named", "is_there"), [("tests/e2e/aws", False), ("tests/e2e/aws/real", True), (REAL, True)])
def test_what_costs_money_on_aws_is_only_there_by_its_own_name(named: str, is_there: bool) -> None:
    where = {"ROMANA_TEST_AWS_REGION": "eu-west-1", "ROMANA_TEST_AWS_PROFILE": "mine"}
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", named]
    done = subprocess.run(command, cwd=PROJECT, env={**os.environ, **where}, capture_output=True, text=True, check=True)
    assert (REAL in done.stdout) is is_there


def test_what_costs_money_on_aws_runs_only_where_it_is_said_where_and_as_whom() -> None:
    names = ("ROMANA_TEST_AWS_REGION", "ROMANA_TEST_AWS_PROFILE")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    command = [sys.executable, "-m", "pytest", REAL]
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=True)
    assert "The authors have no account of AWS" in done.stdout
    assert f"only where {' and '.join(names)} says where, and as whom" in " ".join(done.stdout.split())
    assert "4 skipped" in done.stdout


def test_a_folder_in_anothers_is_its_own_layers() -> None:
    assert layers.layer_of(f"{REAL}::test_second_install_changes_nothing") == "aws-real"
    assert layers.layer_of("tests/e2e/aws/test_stack.py") == "aws"


CLOUD = "tests/e2e/openstack/test_cloud.py::"
SERVERS = "tests/e2e/static/test_"
LONG = [
    f"{CLOUD}test_twenty_instances_at_once",
    f"{SERVERS}openstack.py::test_second_install_changes_nothing",
]
SHORT = [f"{CLOUD}test_reboot_of_a_compute_node", f"{SERVERS}servers.py::test_check_makes_nothing"]


@pytest.mark.parametrize(
    ("options", "runs", "left_out"),
    [((), SHORT, LONG), (("--long=also",), LONG + SHORT, []), (("--long=only",), LONG, [])],
)
def test_what_takes_long_is_left_out_and_said(options: tuple[str, ...], runs: list[str], left_out: list[str]) -> None:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", *options, *LONG, *SHORT]
    said = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False).stdout
    before, _, after = said.partition("left out, as it takes long; ./run-tests long runs it")
    assert sorted(one for one in LONG + SHORT if one in before) == sorted(runs)
    assert [one for one in LONG + SHORT if one in after] == left_out


def test_the_set_long_has_every_layer_with_such_cases() -> None:
    files = [file.relative_to(PROJECT) for folder in PROJECT.glob("**/tests") for file in folder.rglob("test_*.py")]
    marked = {
        file
        for file in files
        if re.search(r"^[^\n\"']*pytest\.mark\.long\(", (PROJECT / file).read_text(), re.MULTILINE)
    }
    assert {layers.layer_of(str(file)) for file in marked} == set(layers.SETS["long"])
    assert set(layers.SETS["long"]) <= set(layers.SETS["everything"])


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
        report("tests/e2e/static/test_servers.py::test_b", "call", 1100.0, 61.0),
        report("tests/e2e/static/test_servers.py::test_b", "teardown", 1161.0, 9.0),
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
