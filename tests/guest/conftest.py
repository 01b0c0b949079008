"""The guest as nodes have it, and a network of its own to boot it in."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from node_image import node_image

from .machine import GUEST, Network

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def image() -> Path:
    """The directory that build-guest-image has filled in the nodes' image."""
    return node_image("packages") / GUEST


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    """A network whose one way leads to the guest."""
    with started(tmp_path) as network:
        yield network


@pytest.fixture(scope="module")
def usual_network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """The network of the guest that tests share."""
    with started(tmp_path_factory.mktemp("usual")) as network:
        yield network


@contextmanager
def started(directory: Path) -> Iterator[Network]:
    """A network that is there for a while."""
    if shutil.which("qemu-system-x86_64") is None:
        pytest.fail("the guest boots in qemu-system-x86_64; install qemu-system-x86")
    network = Network(directory)
    try:
        network.start()
        yield network
    finally:
        network.stop()
