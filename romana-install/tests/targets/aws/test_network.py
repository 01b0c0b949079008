"""Where the nodes are in the network on AWS."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Any

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


@pytest.mark.parametrize(("zones", "prefix"), [(0, 24), (1, 27), (2, 25), (3, 22), (4, 16)])
def test_floating_ips_are_nobodys_own_addresses(zones: int, prefix: int) -> None:
    given: dict[str, Any] = {
        "aws_network": f"172.16.0.0/{prefix}",
        "aws_availability_zones": [f"eu-west-1{'abcd'[number]}" for number in range(zones)],
        "aws_floating_ips": network.PLACES,
    }
    fit = min(Aws().capacity(Config(**given)), 2000)
    config = Config(**given, devstack_compute_node=fit)
    nodes = Aws().nodes(config)
    own = {IPv4Address(node.address) for node in nodes}
    lasts = {part.network.broadcast_address for part in network.subnets(config)}
    floating = [one for node in nodes for one in network.floating_ips(config, node.index)]
    assert len(set(floating)) == len(floating) == network.PLACES * (fit + 1)
    assert not {*own, *lasts} & set(floating)
    for node in nodes:
        subnet = network.subnet_of(config, node.index).network
        assert all(one in subnet for one in network.floating_ips(config, node.index))


def test_a_nodes_floating_ips_stay_its_own() -> None:
    def of(computes: int, number: int) -> list[list[str]]:
        config = Config(devstack_compute_node=computes, aws_floating_ips=number)
        return list(Aws().floating_ips(config).values())

    assert of(1, 2) == [["192.168.99.254", "192.168.99.253"], ["192.168.99.246", "192.168.99.245"]]
    assert of(5, 2)[:2] == of(1, 2)
    assert [several[:2] for several in of(1, 3)] == of(1, 2)
    assert of(1, 0) == [[], []]


def test_the_external_network_has_exactly_the_floating_ips() -> None:
    config = Config(devstack_compute_node=2, aws_floating_ips=2, aws_availability_zones=ZONES[:2])
    first, second, routers = network.external_subnets(config, Aws().nodes(config))
    assert first == {
        "cidr": "192.168.99.0/25",
        "pools": [
            {"first": "192.168.99.125", "last": "192.168.99.126"},
            {"first": "192.168.99.117", "last": "192.168.99.118"},
        ],
        "service_types": ["network:floatingip"],
    }
    assert second["pools"] == [{"first": "192.168.99.253", "last": "192.168.99.254"}]
    assert routers == {"cidr": "198.18.0.0/16", "service_types": ["network:router_gateway"]}
    assert network.external_subnets(Config(), Aws().nodes(Config())) == []
