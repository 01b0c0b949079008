"""An AWS for all tests, emptied for each, and a stack on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from aws_setup import Cloud, Setup
from places import PLACE

NETWORK = Path("/proc/thread-self/ns/net")
BY_NAME = [Path(__file__).parent / folder for folder in ("devstack", "real")]


@pytest.fixture(scope="session")
def live_place() -> Iterator[Path]:
    """Where worlds with a VPC that packets pass are, if this machine can have such; who enters one comes back."""
    if os.geteuid() != 0:
        pytest.skip("containers and network namespaces need root")
    if not Path("/proc/sys/net/bridge").is_dir():
        pytest.skip("no packet filter sees what passes this kernel's bridges; let one: modprobe br_netfilter")
    network = NETWORK.readlink()
    yield PLACE / "aws"
    assert NETWORK.readlink() == network


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out what costs money on AWS itself, or takes long, unless it is named."""
    if collection_path not in BY_NAME:
        return None
    named = [Path(config.invocation_params.dir, argument.partition("::")[0]).resolve() for argument in config.args]
    return None if any(path.is_relative_to(collection_path) for path in named) else True


@pytest.fixture(scope="session")
def running_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    if os.geteuid() != 0:
        pytest.skip("a network namespace needs root")
    with Cloud(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


@pytest.fixture
def cloud(running_cloud: Cloud) -> Cloud:
    running_cloud.reset()
    return running_cloud


@pytest.fixture
def stack(cloud: Cloud, tmp_path: Path) -> Setup:
    return Setup(cloud, tmp_path)
