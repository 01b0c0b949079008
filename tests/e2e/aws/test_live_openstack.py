"""OpenStack on AWS, on machines, from the first call to instances that answer at the user's; its packages are there.

The user's side has no way to the nodes' own addresses: all that is looked at there comes through ssh.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from live_cloud import LiveCloud
from machine_image import machine_image
from romana_setup import Setup
from world import children

pytestmark = pytest.mark.long("it installs OpenStack on two machines and boots emulated instances")
NAME = "cloud"
HORIZON = "http://127.0.0.1:8080/horizon"


@pytest.fixture(scope="module")
def installed(live_place: Path) -> Iterator[Setup]:
    """A cloud of a controller and a compute node, which its own verification found in order, with instances."""
    with LiveCloud(live_place / NAME, machine_image(services=True)) as cloud, cloud.world.network():
        setup = cloud.setup(NAME, devstack_compute_node=1, openstack_engine="packages")
        setup.run("install")
        yield setup
        setup.run("uninstall", "--yes")
        assert cloud.leftovers() == {}
        assert cloud.machines() == []


@contextmanager
def tunnel(setup: Setup) -> Iterator[None]:
    """The action `tunnel`, while it says that it is there."""
    process = setup.start("tunnel")
    try:
        assert process.stdout is not None
        assert "until Ctrl-C" in process.stdout.readline()
        yield
    finally:
        for pid in children(process.pid):
            os.kill(pid, 15)
        process.wait()


def test_instances_reach_each_other(installed: Setup) -> None:
    checks = {check["name"] for check in installed.verify()["checks"]}
    assert "instances" in " ".join(checks)


def test_a_browser_gets_horizon_by_the_tunnel(installed: Setup) -> None:
    look = ["curl", "--silent", "--fail", "--location", "--retry", "10", "--retry-connrefused", HORIZON]
    with tunnel(installed):
        page = subprocess.run([*installed.inside, *look], capture_output=True, text=True, check=False)
    assert "Horizon" in page.stdout, page


def test_second_install_changes_nothing(installed: Setup) -> None:
    assert "changed=0" in installed.run("install")
