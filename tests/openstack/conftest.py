"""One cloud for all tests of this layer, made by ./romana-setup as a user makes one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from cloud_client import Cloud
from remains import assert_nothing_left
from romana_setup import Setup

STATE = Path("/tmp") / f"romana-tests-{os.geteuid()}"  # noqa: S108 - what a killed run has left is found by the next
STACK = ("romana-cloud", "192.168.98.0/24", {"openstack_engine": "packages", "devstack_compute_node": 2})


@pytest.fixture(scope="session", autouse=True)
def root() -> None:
    if os.geteuid() != 0:
        pytest.skip("containers and network namespaces need root")


@pytest.fixture(scope="session")
def stack() -> Iterator[Setup]:
    """The stack; removed at the end, whatever happened, and before, if an earlier run was killed."""
    setup = Setup(STATE, *STACK)
    setup.run("uninstall", "--yes")
    try:
        setup.run()
        yield setup
    finally:
        setup.run("uninstall", "--yes")


@pytest.fixture(scope="session")
def admin(stack: Setup) -> Cloud:
    """The administrator, in the project demo: may say on which host an instance runs."""
    return Cloud(stack.directory, stack.name, project="demo")


@pytest.fixture(scope="session")
def demo(stack: Setup) -> Cloud:
    """A user without any right but to use the cloud."""
    return Cloud(stack.directory, f"{stack.name}-demo")


@pytest.fixture
def nothing_left(stack: Setup, admin: Cloud) -> Iterator[None]:
    """After the test: no instance, port, endpoint, tap or route is left, and the addresses are in order."""
    yield
    admin.delete(*(one.id for one in admin.servers()))
    for port in admin.ports():
        admin.neutron.delete(f"/ports/{port['id']}")
    assert_nothing_left(stack)
