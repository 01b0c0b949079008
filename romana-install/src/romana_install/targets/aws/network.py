"""How the nodes' network on AWS is divided, which node is where, and of what type. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from romana_install.config.settings import Config
from romana_install.state.stack import Node

# For floating IPs of one node, as many as aws_floating_ips may be: so each keeps its place when that changes.
PLACES = 8
RESERVED_AT_END = 1  # AWS keeps the last address of a subnet, and the first four, which come before the first node

# Addresses of routers, which are in no packet: of the range for benchmarks of networks (RFC 2544), which no VPC is in.
OF_ROUTERS = IPv4Network("198.18.0.0/16")


@dataclass(frozen=True)
class Subnet:
    """A part of the nodes' network. zone: its availability zone; empty: none was asked for."""

    network: IPv4Network
    zone: str


def subnets(config: Config) -> list[Subnet]:
    """One for each zone, of the next power of two of equal parts."""
    network = IPv4Network(config.aws_network)
    zones = config.aws_availability_zones or [""]
    parts = network.subnets(prefixlen_diff=(len(zones) - 1).bit_length())
    return [Subnet(part, zone) for part, zone in zip(parts, zones, strict=False)]


def subnet_of(config: Config, index: int) -> Subnet:
    """The subnet of the node with that index: they take turns."""
    there = subnets(config)
    return there[index % len(there)]


def address(config: Config, index: int, first: int) -> IPv4Address:
    """A node's address. first: the place in its subnet of the first node there."""
    return subnet_of(config, index).network[first + index // len(subnets(config))]


def floating_ips(config: Config, index: int) -> list[IPv4Address]:
    """The addresses of the node with that index that are floating IPs, first to last.

    They are counted down from the end of its subnet, where no node's own address can be.
    """
    subnet = subnet_of(config, index).network
    end = subnet.num_addresses - RESERVED_AT_END - PLACES * (index // len(subnets(config)))
    return [subnet[end - number] for number in range(1, config.aws_floating_ips + 1)]


def external_subnets(config: Config, nodes: Sequence[Node]) -> list[dict[str, Any]]:
    """The subnets of the network `public`, as the module cloud_resources takes them; none without floating IPs.

    One for each zone's subnet that has nodes, of exactly their floating IPs, and one for routers. Of each router there
    is an address, which no packet ever has; those of nodes cost money.
    """
    if not config.aws_floating_ips:
        return []
    pools: dict[IPv4Network, list[dict[str, str]]] = {}
    for node in nodes:
        own = floating_ips(config, node.index)
        pool = {"first": str(min(own)), "last": str(max(own))}
        pools.setdefault(subnet_of(config, node.index).network, []).append(pool)
    delivered = [
        {"cidr": str(subnet), "pools": found, "service_types": ["network:floatingip"]}
        for subnet, found in pools.items()
    ]
    return [*delivered, {"cidr": str(OF_ROUTERS), "service_types": ["network:router_gateway"]}]


def capacity(network: IPv4Network, zones: int, first: int, floating: bool) -> int:
    """How many nodes, the controller included, fit a network divided among so many zones.

    floating: whether they have floating IPs.
    """
    parts = max(zones, 1)
    size = network.num_addresses >> (parts - 1).bit_length()
    each = 1 + PLACES if floating else 1
    return max(size - RESERVED_AT_END - first, 0) // each * parts


def instance_type(config: Config, node: Node) -> str:
    """The instance type that a node is to have."""
    return config.aws_instance_type_controller if node.controller else config.aws_instance_type_compute
