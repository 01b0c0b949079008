"""Targets whose nodes are made for the stack: names, and addresses in a network that the configuration gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from romana_install.base.invocation import command
from romana_install.base.machine import leads_into
from romana_install.config.settings import Config
from romana_install.state.stack import Node, Stack, StackError
from romana_install.targets.external import taken
from romana_install.targets.nodes import compute_name
from romana_install.targets.target import Target

FIRST_NODE = 10  # the controller's place in the nodes' network; compute nodes follow it


@dataclass(frozen=True)
class Machines(Target):
    """Such a target."""

    def nodes(self, config: Config) -> tuple[Node, ...]:
        """The nodes a configuration asks for, the controller first."""
        controller = Node("controller", str(self.address(config, 0)), 0, True, config.controller_is_compute)
        computes = [
            Node(compute_name(number), str(self.address(config, number)), number, False, True)
            for number in range(1, config.devstack_compute_node + 1)
        ]
        return (controller, *computes)

    def network(self, config: Config) -> IPv4Network:
        """The nodes' network."""
        return IPv4Network(getattr(config, self.network_key))

    def address(self, config: Config, index: int) -> IPv4Address:
        """A node's address."""
        return self.network(config)[FIRST_NODE + index]

    def external_problems(self, config: Config, network: IPv4Network) -> Iterator[str]:
        """It has to be in the nodes' network, apart from nodes, from this machine and from the way out."""
        around = self.network(config)
        if not network.subnet_of(around):
            yield f"is not in the nodes' network, {around} ({self.network_key}); choose a part of it"
            return
        others = {"the network's first machine": str(around[1]), "its last machine": str(around[-2])}
        yield from taken(network, others | {node.name: node.address for node in self.nodes(config)})

    def capacity(self, config: Config) -> int:
        """How many compute nodes the nodes' network holds."""
        return max(self.network(config).num_addresses - 2 - FIRST_NODE, 0)


def check_route(stack: Stack, interface: str = "") -> None:
    """Raise StackError when this machine has no route of its own into the nodes' network.

    interface: the one by which it has to lead there; empty for any.
    """
    if not leads_into(IPv4Network(stack.network), interface):
        by = f" by {interface}" if interface else ""
        raise StackError(
            f"the network of stack {stack.name} is not there (no route to {stack.network}{by}), as after a reboot of"
            f" this machine; bring its nodes back with: {command('install')}"
        )
