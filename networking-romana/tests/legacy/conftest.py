"""Starts what the tests inside the old Neutron talk to, and makes where they run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from live_romana import PROJECT, Server
from romana_install.ansible.distribution import copy_distribution

from . import rootfs
from .inside import Inside


@pytest.fixture(scope="session")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """Runs tests under Python 2.7, with our drivers installed as on a node and a live romana-server."""
    system = rootfs.ensure()
    installed = tmp_path_factory.mktemp("installed")
    copy_distribution(PROJECT / "networking-romana", installed)
    directory = tmp_path_factory.mktemp("server")
    directory.chmod(0o700)
    server = Server(directory)
    try:
        yield Inside(system, installed, directory, server.environment, tmp_path_factory.mktemp("root"))
    finally:
        server.stop()
