"""One cloud for all tests of this layer, which are one file; made by ./romana-setup as a user makes one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from chromium import chromium
from cloud_client import BLANK, Cloud, Server, account
from places import PLACE
from remains import assert_nothing_left
from romana_setup import Setup
from walk import Walk, Walks

STACK = ("romana-cloud", "192.168.98.0/24", {"openstack_engine": "packages", "devstack_compute_node": 2})


@pytest.fixture(scope="session", autouse=True)
def root() -> None:
    if os.geteuid() != 0:
        pytest.skip("containers and network namespaces need root")


@pytest.fixture(scope="module")
def stack() -> Iterator[Setup]:
    """The stack; removed at the end, whatever happened, and before, if an earlier run was killed."""
    setup = Setup(PLACE / "openstack", *STACK)
    setup.run("uninstall", "--yes")
    try:
        setup.run()
        yield setup
    finally:
        setup.run("uninstall", "--yes")
        shutil.rmtree(setup.state)  # it notes what was uninstalled


@pytest.fixture(scope="module")
def walks(stack: Setup) -> Walks:
    """Each user's walk through Horizon."""
    found = {}
    for name in (stack.name, f"{stack.name}-demo"):
        auth = account(stack.directory, name)
        with chromium() as browser:
            walk = Walk(browser, stack.address(10), auth["username"], auth["password"])
            found[auth["username"]] = walk.project, walk.pages()
    return found


@pytest.fixture(scope="module")
def admin(stack: Setup) -> Cloud:
    """The administrator, in the project demo, joined after users' walks: may say on which host an instance runs."""
    Cloud(stack.directory, stack.name).join("demo")
    cloud = Cloud(stack.directory, stack.name, project="demo")
    cloud.add_image(BLANK, bytes(1 << 20))
    return cloud


@pytest.fixture(scope="module")
def demo(stack: Setup) -> Cloud:
    """A user without any right but to use the cloud."""
    return Cloud(stack.directory, f"{stack.name}-demo")


@pytest.fixture(scope="module")
def pair(stack: Setup, admin: Cloud) -> Iterator[tuple[Server, Server]]:
    """Two instances of one segment, on compute01 and compute02; tests do things to them that they must survive."""
    identifiers = [admin.boot("one", "compute01", "s1"), admin.boot("two", "compute02", "s1")]
    one, two = admin.active(*identifiers)
    admin.ready(*identifiers)
    yield one, two
    admin.delete(*identifiers)
    assert_nothing_left(stack)


@pytest.fixture
def nothing_left(stack: Setup, admin: Cloud) -> Iterator[None]:
    """After the test no instance, port, endpoint, tap or route is left but what was there; addresses are in order."""
    servers, ports = {one.id for one in admin.servers()}, {str(one["id"]) for one in admin.ports()}
    yield
    admin.delete(*{one.id for one in admin.servers()} - servers)
    for port in {str(one["id"]) for one in admin.ports()} - ports:
        admin.neutron.delete(f"/ports/{port}")
    assert_nothing_left(stack, ports)
