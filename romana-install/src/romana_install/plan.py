"""From configuration to nodes, and from the nodes that are there to those that are wanted. Pure.

A node's index and address follow from its name alone (controller 0, compute01 1, ...), so adding or removing nodes
changes nothing for the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from romana.addressing import AddressPlan
from romana_install.aws import network as aws_network
from romana_install.settings import Config
from romana_install.stack import Node, Stack

FIRST_NODE = 10  # the controller's place in the nodes' network; compute nodes follow it


@dataclass(frozen=True)
class Change:
    """What an installation does to the nodes, in the order of their indexes."""

    add: tuple[Node, ...]
    remove: tuple[Node, ...]
    keep: tuple[Node, ...]

    @property
    def kind(self) -> str:
        """What the run is like: 'change' of the nodes, or 'again'."""
        return "change" if self.add or self.remove else "again"


def network_key(target: str) -> str:
    """The variable that says which network the nodes of a target are in."""
    return f"{target}_network" if target in ("aws", "vagrant") else "local_network"


def nodes(config: Config, target: str = "local") -> tuple[Node, ...]:
    """The nodes a configuration asks for, the controller first."""
    controller = Node("controller", str(_address(config, target, 0)), 0, True, config.controller_is_compute)
    computes = [
        Node(_compute(number), str(_address(config, target, number)), number, False, True)
        for number in range(1, config.devstack_compute_node + 1)
    ]
    return (controller, *computes)


def is_compute_node(name: str, config: Config) -> bool:
    """Whether a configuration asks for a compute node of this name, whatever the nodes' network."""
    digits = name.removeprefix("compute")
    number = int(digits) if digits.isascii() and digits.isdecimal() else 0
    return 1 <= number <= config.devstack_compute_node and name == _compute(number)


def _compute(number: int) -> str:
    return f"compute{number:02}"


def _address(config: Config, target: str, index: int) -> IPv4Address:
    if target == "aws":
        return aws_network.address(config, index, FIRST_NODE)
    return IPv4Network(getattr(config, network_key(target)))[FIRST_NODE + index]


def capacity(config: Config, target: str) -> int:
    """How many compute nodes fit the nodes' network."""
    network = IPv4Network(getattr(config, network_key(target)))
    if target == "aws":
        return max(aws_network.capacity(network, len(config.aws_availability_zones), FIRST_NODE) - 1, 0)
    return max(network.num_addresses - 2 - FIRST_NODE, 0)


def change(wanted: tuple[Node, ...], existing: Stack | None) -> Change:
    """What makes the existing stack have the wanted nodes. Nodes that were about to leave still are."""
    there = {} if existing is None else {node.name: node for node in existing.nodes}
    leaving = {} if existing is None else {node.name: node for node in existing.leaving}
    names = {node.name for node in wanted}
    return Change(
        add=tuple(node for node in wanted if node.name not in there),
        keep=tuple(node for node in wanted if node.name in there),
        remove=tuple(
            sorted(
                (node for name, node in {**leaving, **there}.items() if name not in names),
                key=lambda node: node.index,
            )
        ),
    )


def address_plan(config: Config) -> AddressPlan:
    """The address plan of a checked configuration."""
    return AddressPlan(
        config.romana_cidr,
        config.romana_host_bits,
        config.romana_tenant_bits,
        config.romana_segment_bits,
        config.romana_endpoint_bits,
    )
