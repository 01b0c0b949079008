"""README's first command and its tests by a user of sudo, on what has another Python. Steps, in this order."""

from __future__ import annotations

import pytest
from machine import Machine
from readme import quick_start
from system_image import DEBIAN_13, UBUNTU_24
from user import User

MACHINES = ((DEBIAN_13, 82), (UBUNTU_24, 83))


@pytest.fixture(scope="module")
def user(machine: Machine) -> User:
    """Somebody with sudo, and a clone."""
    made = User(machine, "olga")
    made.arrive()
    return made


@pytest.mark.long("the first command looks at the same; `first` shows what both say")
def test_plan_and_check(user: User) -> None:
    assert "compute01" in user.does(f"{quick_start()[0]} plan")
    assert user.does(f"{quick_start()[0]} check").endswith("this machine is ready\n")


def test_first_command_makes_a_cloud(user: User) -> None:
    assert "Horizon" in user.does(quick_start()[0])
    assert "NOT healthy" not in user.does(f"{quick_start()[0]} status")


def test_uninstall(user: User) -> None:
    user.does(f"{quick_start()[0]} uninstall", answer="yes")


def run_tests(machine: Machine, user: User, options: str = "") -> None:
    """README's test command works there, with these options, on the system's own Python."""
    (command,) = [line for line in quick_start() if line.startswith("./run-tests")]
    assert " passed" in user.does(f"{command} {options}")
    assert machine.system.python in machine.shell(f"'{user.clone}/.venv/bin/python' --version")


def test_test_command(machine: Machine, user: User) -> None:
    run_tests(machine, user, "-- -n 0 -k 'test_addressing or test_config'")


@pytest.mark.long("runs all of `unit`, where every run has a few of it")
def test_whole_test_command(machine: Machine, user: User) -> None:
    run_tests(machine, user)
