"""A stack made by ./romana-setup as a user makes one, in a state directory and a network of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.local.romana_setup import Setup


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="session", autouse=True)
def root() -> None:
    if os.geteuid() != 0:
        pytest.skip("containers and network namespaces need root")


@pytest.fixture(scope="module")
def stack(state: Path, request: pytest.FixtureRequest) -> Iterator[Setup]:
    """The stack of one test module; removed at its end, whatever happened."""
    setup = Setup(state, *request.module.STACK)
    try:
        yield setup
    finally:
        subprocess.run(
            setup.command("uninstall", "--yes"), env=setup.environment, stdin=subprocess.DEVNULL, check=False
        )
