"""What other programs' packet filters on servers must let pass. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network

from romana.filters.barriers import Need, Opening, dhcp_and_forward
from romana.filters.rules import Packet
from romana_install.config.settings import Config
from romana_install.state.stack import Node, Stack

# What compute nodes ask the controller for; instances ask it for metadata, and it asks compute nodes for consoles.
ASKED = {"none": (), "packages": (5000, 5672, 8778, 9292, 9696)}
METADATA, CONSOLE = 8775, 5900


def needs(node: Node, stack: Stack, config: Config) -> list[Need]:
    """All that a server needs, of its traffic with the others and of its endpoints'."""
    plan = IPv4Network(config.romana_cidr)
    found = dhcp_and_forward(plan) if node.compute else []
    others = [other for other in stack.nodes if other.address != node.address]
    if node.controller:
        ports = (config.romana_server_port, *ASKED[stack.engine])
        found += [_from(other.address, node, ports) for other in others]
    else:
        found += _of_compute(node, stack, config)
    if node.controller and stack.engine == "packages":
        found.append(_from(str(plan), node, (METADATA,)))
    return found


def _of_compute(node: Node, stack: Stack, config: Config) -> Iterator[Need]:
    controller = stack.controller.address
    asks = Packet(_only(node.address), _only(controller), target_port=config.romana_server_port)
    yield Need("output", f"TCP to {controller}", (asks,), (Opening("", controller),))
    if stack.engine == "packages":
        yield _from(controller, node, (CONSOLE,))


def _from(source: str, node: Node, ports: tuple[int, ...]) -> Need:
    packets = tuple(Packet(IPv4Network(source), _only(node.address), target_port=port, local=True) for port in ports)
    return Need("input", f"TCP {', '.join(map(str, ports))} from {source}", packets, (Opening(source),))


def _only(address: str) -> IPv4Network:
    return IPv4Network(f"{address}/32")
