"""Fixtures of the agent's tests. Those marked `root` make network namespaces on this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from agent_lab import Lab
from starting import forked_agent


def pytest_configure(config: pytest.Config) -> None:
    """Register our marker."""
    config.addinivalue_line("markers", "root: needs root, makes network namespaces")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs root where there is none."""
    if os.geteuid() == 0:
        return
    for item in items:
        if item.get_closest_marker("root"):
            item.add_marker(pytest.mark.skip(reason="needs root: it makes network namespaces"))


@pytest.fixture
def make_lab() -> Iterator[Callable[[int], Lab]]:
    """Makes labs with that many nodes; they are gone after the test."""
    labs: list[Lab] = []

    def make(nodes: int) -> Lab:
        lab = Lab(nodes, start=forked_agent)
        labs.append(lab)
        return lab

    yield make
    for lab in labs:
        lab.close()
