"""A stack whose hosts are in two zones: the VPC's routes lead to the endpoints of each, on machines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from aws_setup import REGION
from live_cloud import LiveCloud
from romana_setup import Setup
from traffic import lab

pytestmark = pytest.mark.long("it installs on two machines that boot with cloud-init")
NAME = "zones"


@pytest.fixture(scope="module")
def installed(live_place: Path) -> Iterator[Setup]:
    """A stack with a node in each zone."""
    zones = [f"{REGION}a", f"{REGION}b"]
    with LiveCloud(live_place / NAME) as cloud, cloud.world.network():
        setup = cloud.setup(NAME, devstack_compute_node=1, aws_availability_zones=zones, aws_routes=True)
        setup.run("install")
        yield setup
        setup.run("uninstall", "--yes")
        assert cloud.leftovers() == {}


def test_endpoints_in_two_zones_reach_each_other_by_the_vpcs_routes(installed: Setup) -> None:
    assert "10.1.0.0/16 via 192.168.99.1 " in installed.ssh("controller", "ip", "route")
    assert "10.0.0.0/16 via 192.168.99.129 " in installed.ssh("compute01", "ip", "route")
    assert {answer["observed"] for answer in installed.verify()["matrix"]} == {"reachable", "unreachable"}


def test_traffic_between_zones_survives_a_new_start_of_the_network_service(installed: Setup) -> None:
    """Networkd removes routes that are not its own when it starts, as it does with an update."""
    with lab(installed) as made:
        here, there = made.endpoint("controller"), made.endpoint("compute01")
        with made.traffic(here, there) as outcomes:
            installed.ssh("compute01", "systemctl", "restart", "systemd-networkd")
        assert "10.0.0.0/16 via 192.168.99.129 " in installed.ssh("compute01", "ip", "route")
        assert outcomes.count("reply") > 0
        assert set(made.ping(here, there, 20)) == {"reply"}


def test_second_install_changes_nothing(installed: Setup) -> None:
    assert "changed=0" in installed.run("install")
