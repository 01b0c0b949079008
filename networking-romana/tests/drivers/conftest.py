"""Starts what the tests inside Neutron talk to, and collects them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from apart import python_apart
from live_romana import PROJECT, Server
from romana_install.ansible.distribution import copy_distribution

from .inside import Inside

TESTS = Path(__file__).parents[1] / "inside_neutron"


@pytest.fixture(scope="session")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """Runs tests where Neutron is, with our drivers installed as on a node and a live romana-server."""
    python = python_apart("neutron")
    installed = tmp_path_factory.mktemp("installed")
    copy_distribution(PROJECT / "networking-romana", installed)
    directory = tmp_path_factory.mktemp("server")
    directory.chmod(0o700)
    server = Server(directory)
    try:
        running = Inside(python, TESTS, {**os.environ, **server.environment, "PYTHONPATH": str(installed)})
        yield running
        running.close()
    finally:
        server.stop()
