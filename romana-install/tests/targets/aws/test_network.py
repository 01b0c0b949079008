"""Where the nodes are in the network on AWS."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from romana_install.config.settings import Config
from romana_install.targets.aws import network
from romana_install.targets.aws.target import Aws
from romana_install.targets.machines import FIRST_NODE

ZONES = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]


def test_one_subnet_without_zones() -> None:
    config = Config(devstack_compute_node=2)
    assert network.subnets(config) == [network.Subnet(IPv4Network("192.168.99.0/24"), "")]
    assert [node.address for node in Aws().nodes(config)] == ["192.168.99.10", "192.168.99.11", "192.168.99.12"]


def test_nodes_take_turns_among_zones() -> None:
    config = Config(devstack_compute_node=3, aws_availability_zones=ZONES)
    assert [str(part.network) for part in network.subnets(config)] == [
        "192.168.99.0/26",
        "192.168.99.64/26",
        "192.168.99.128/26",
    ]
    assert [node.address for node in Aws().nodes(config)] == [
        "192.168.99.10",
        "192.168.99.74",
        "192.168.99.138",
        "192.168.99.11",
    ]
    assert [network.subnet_of(config, index).zone for index in range(4)] == [*ZONES, ZONES[0]]


@pytest.mark.parametrize(("zones", "prefix"), [(0, 24), (1, 27), (2, 25), (3, 25), (4, 25)])
def test_capacity_is_what_fits(zones: int, prefix: int) -> None:
    text = f"192.168.99.0/{prefix}"
    config = Config(aws_network=text, aws_availability_zones=[f"eu-west-1{'abcd'[number]}" for number in range(zones)])
    fit = Aws().capacity(config)
    full = Aws().nodes(Config(**{**config.model_dump(), "devstack_compute_node": fit}))
    assert len({node.address for node in full}) == fit + 1
    lasts = {part.network.broadcast_address for part in network.subnets(config)}
    taken = {network.address(config, node.index, FIRST_NODE) for node in full}
    assert not lasts & taken
    # The next one would have the address that AWS keeps, or none at all.
    following = network.address(config, fit + 1, FIRST_NODE)
    assert following in lasts or following not in network.subnet_of(config, fit + 1).network
