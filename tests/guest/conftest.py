"""Builds the guest as an image build does, and boots it in a network of its own."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from .machine import Network

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that build-guest-image filled, on the distribution of the nodes."""
    directory = tmp_path_factory.mktemp("guest")
    builder = "/usr/local/lib/romana/guest-image"
    hooks = (
        f'mkdir -p "$1"{builder}',
        f"sync-in roles/guest_image/files {builder}",
        f'chroot "$1" {builder}/build-guest-image /var/lib/romana/guest',
        f'test "$(chroot "$1" {builder}/build-guest-image /var/lib/romana/guest)" = "up to date"',
        f"sync-out /var/lib/romana/guest {directory}",
    )
    options = ["--variant=apt", "--mode=root", "--include=python3", "--format=null"]
    command = ["mmdebstrap", *options, *(f"--customize-hook={hook}" for hook in hooks), "trixie"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return directory


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    """A network whose one way leads to the guest."""
    if shutil.which("qemu-system-x86_64") is None:
        pytest.fail("the guest boots in qemu-system-x86_64; install qemu-system-x86")
    network = Network(tmp_path)
    try:
        network.start()
        yield network
    finally:
        network.stop()
