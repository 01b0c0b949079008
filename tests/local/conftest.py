"""A stack made by ./romana-setup as a user makes one, in a state directory and a network of its own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from romana_setup import Setup

# The same for every run: what a killed run has left is found by the next. Its name has what nothing may stumble over.
STATE = Path(tempfile.gettempdir()) / f"romana tests %h $x #ü,:'\"; {os.geteuid()}"


@pytest.fixture(scope="session", autouse=True)
def root() -> None:
    if os.geteuid() != 0:
        pytest.skip("containers and network namespaces need root")


@pytest.fixture(scope="module")
def stack(request: pytest.FixtureRequest) -> Iterator[Setup]:
    """The stack of one test module; removed at its end, whatever happened, and before, if an earlier run was killed."""
    setup = Setup(STATE, *request.module.STACK)
    setup.run("uninstall", "--yes")
    try:
        yield setup
    finally:
        setup.run("uninstall", "--yes")
