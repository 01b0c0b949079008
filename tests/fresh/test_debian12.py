"""From nothing but git: README's quick start by root on a minimal Debian 12. The tests are steps, in this order.

The images that it makes are those that all other layers of the run use.
"""

from __future__ import annotations

import pytest
from machine import Machine
from readme import quick_start
from system_image import DEBIAN_12
from user import User

MACHINES = ((DEBIAN_12, 81),)


@pytest.fixture(scope="module")
def user(machine: Machine) -> User:
    """Root, who has a clone below /root."""
    made = User(machine)
    made.arrive()
    return made


@pytest.fixture(scope="module")
def images(machine: Machine) -> set[str]:
    """What was in the cache at first."""
    return names(machine)


def names(machine: Machine) -> set[str]:
    """The images in the cache, without what other tests lay over them meanwhile, like box-..."""
    return {path.name for path in (machine.cache / "images").glob("*") if path.is_dir() and path.name.isalnum()}


def test_machine_has_no_python(machine: Machine) -> None:
    assert not list((machine.root / "usr/bin").glob("python*"))


def test_plan_and_check(user: User) -> None:
    assert "compute01" in user.does(f"{quick_start()[0]} plan")
    assert user.does(f"{quick_start()[0]} check").endswith("this machine is ready\n")


def test_first_command_makes_a_cloud_and_its_image(machine: Machine, user: User, images: set[str]) -> None:
    assert "Horizon" in user.does(quick_start()[0])
    assert len(names(machine) - images) == 1


@pytest.mark.parametrize("command", [line for line in quick_start()[1:] if line.startswith("./romana-setup -t local")])
def test_next_command(user: User, command: str) -> None:
    user.does(command, answer="yes" if command.endswith("uninstall") else "")


def test_nothing_is_left(machine: Machine) -> None:
    left = machine.run("find", "/root/.local/state/romana-setup", "-mindepth", "1", "-type", "d", "-printf", "%f ")
    assert left.split() == [".uninstalled"]  # the logs of that
    assert "ro-" not in machine.run("ip", "link")
    assert not (machine.root / "root/said").exists()  # by LocalCommand in the user's ssh configuration


def test_images_are_those_of_the_other_layers(machine: Machine, images: set[str]) -> None:
    """One with OpenStack and one without."""
    assert len(names(machine) - images) == 2
