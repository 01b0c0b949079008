"""Machines as new users have them, one for each file of tests."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from machine import Machine
from places import PLACE

from romana_install.stack import cache_home


@pytest.fixture(scope="session", autouse=True)
def root() -> None:
    if os.geteuid() != 0:
        pytest.skip("containers and network namespaces need root")


@pytest.fixture(scope="module")
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """The machine that a file of tests is about, as new; removed at its end."""
    system, number = request.module.MACHINE
    made = Machine(system, number, PLACE / "fresh" / system.name, cache_home())
    made.remove()
    try:
        made.make()
        yield made
    finally:
        made.remove()
