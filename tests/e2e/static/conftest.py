"""Servers made for one module, and ./romana-setup for them with a state directory of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from places import PLACE
from romana_setup import Setup
from servers import Lab, Static, remove_leftovers


@pytest.fixture(scope="session", autouse=True)
def root() -> None:
    if os.geteuid() != 0:
        pytest.skip("containers and network namespaces need root")


@pytest.fixture(scope="module")
def static(request: pytest.FixtureRequest) -> Iterator[Static]:
    """An empty lab of the module's name and network; servers are added by its tests."""
    name, subnet = request.module.LAB
    lab = Lab(name, subnet, PLACE / "static" / name)
    remove_leftovers(lab)
    lab.make()
    setup = Setup(lab.directory / "state", name, "", {"ssh_known_hosts": str(lab.known_hosts)}, target="static")
    try:
        yield Static(lab, setup)
    finally:
        lab.close()
