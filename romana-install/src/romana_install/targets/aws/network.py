"""How the nodes' network on AWS is divided, which node is where, and of what type. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from romana_install.config.settings import Config
from romana_install.state.stack import Node

RESERVED_AT_END = 1  # AWS keeps the last address of a subnet, and the first four, which come before the first node


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


def capacity(network: IPv4Network, zones: int, first: int) -> int:
    """How many nodes, the controller included, fit a network divided among so many zones."""
    parts = max(zones, 1)
    size = network.num_addresses >> (parts - 1).bit_length()
    return max(size - RESERVED_AT_END - first, 0) * parts


def instance_type(config: Config, node: Node) -> str:
    """The instance type that a node is to have."""
    return config.aws_instance_type_controller if node.controller else config.aws_instance_type_compute
