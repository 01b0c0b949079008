"""Stacks made by ./romana-setup as a user makes them, most of them on a machine whose network nobody else changes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from node_image import node_image
from places import PLACE
from romana_setup import PROJECT, Setup
from waiting import eventually
from world import World

from romana_install.ansible.release import NODE_PYTHON, build_release
from romana_install.state.stack import cache_home
from romana_install.targets.checks import OPENSTACK_RELEASE

# Where states are, in a name that has what nothing may stumble over.
STATE = "state %h $x #ü,:'\";"


@pytest.fixture(scope="session", autouse=True)
def root() -> None:
    if os.geteuid() != 0:
        pytest.skip("containers and network namespaces need root")


def fetch() -> None:
    """Have what an installation gets from elsewhere: in the world there is no elsewhere."""
    node_image("none")
    build_release(PROJECT, cache_home() / "releases", NODE_PYTHON[OPENSTACK_RELEASE])


def give_way_out(world: World) -> None:
    """A default route, as a machine has one; there is nobody on it."""
    world.run("ip", "link", "add", "out", "type", "veth", "peer", "name", "beyond")
    for end in ("out", "beyond"):
        world.run("sysctl", "-qw", f"net.ipv6.conf.{end}.disable_ipv6=1")  # its addresses would come some time later
        world.run("ip", "link", "set", end, "up")
    world.run("ip", "address", "add", "198.51.100.1/24", "dev", "out")
    world.run("ip", "route", "add", "default", "via", "198.51.100.254")
    for end in ("out", "beyond"):
        eventually(lambda end=end: "state UP" in world.run("ip", "link", "show", end), f"{end} has a carrier")  # type: ignore[misc]


@pytest.fixture(scope="module")
def stack(request: pytest.FixtureRequest) -> Iterator[Setup]:
    """The stack of one test module in a world; its nodes end with that, whatever happened."""
    name, network = request.module.STACK
    fetch()
    with World(PLACE / "local" / name) as world, world.network():
        give_way_out(world)
        setup = Setup(world.directory / STATE, name, network, world=world)
        try:
            yield setup
        finally:
            setup.run("uninstall", "--yes")  # cgroups outlive the world


@pytest.fixture(scope="module")
def stack_here(request: pytest.FixtureRequest) -> Iterator[Setup]:
    """The stack of one test module on this machine; removed at its end, and before, if an earlier run was killed."""
    setup = Setup(PLACE / STATE, *request.module.STACK)
    setup.run("uninstall", "--yes")
    try:
        yield setup
    finally:
        setup.run("uninstall", "--yes")
        shutil.rmtree(setup.state)  # it notes what was uninstalled
