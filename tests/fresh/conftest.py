"""Machines as new users have them, each for all the tests of a file."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from machine import Machine
from places import PLACE

from romana_install.state.stack import cache_home


@pytest.fixture(scope="session", autouse=True)
def root() -> None:
    if os.geteuid() != 0:
        pytest.skip("containers and network namespaces need root")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of a file on each of its machines, one machine after the other."""
    if "machine" in metafunc.fixturenames:
        machines = metafunc.module.MACHINES
        names = [system.name for system, _ in machines]
        metafunc.parametrize("machine", machines, ids=names, indirect=True, scope="module")


@pytest.fixture(scope="module")
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """A machine that a file of tests is about, as new; removed when its tests are over."""
    system, number = request.param
    made = Machine(system, number, PLACE / "fresh" / system.name, cache_home())
    made.remove()
    try:
        made.make()
        yield made
    finally:
        made.remove()
