"""What other programs' packet filters on this machine must let pass, to machines of a stack that are on it."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network

from romana.filters.barriers import Need, Opening, barriers
from romana.filters.listing import listed
from romana.filters.rules import Packet
from romana_install.base.findings import Finding

SSH, WEB = 22, 443
SOMEWHERE = IPv4Network("192.0.2.1/32")


def findings(network: IPv4Network, interface: str = "", uplink: bool = False) -> Iterator[Finding]:
    """Chains that drop it for certain.

    Args:
        network: the nodes'; this machine has its last address.
        interface: this machine's in that network; empty where its name is not known.
        uplink: whether this machine is the nodes' way out.
    """
    for barrier in barriers(listed(), needs(network, interface, uplink)):
        if barrier.certain:
            yield Finding("packet filter", str(barrier))


def needs(network: IPv4Network, interface: str, uplink: bool) -> list[Need]:
    """What has to pass. Pure."""
    here = IPv4Network((network[-2], 32))
    to = Packet(here, network, outgoing=interface, target_port=SSH)
    back = Packet(network, here, incoming=interface, source_port=SSH, answers=True, local=True)
    found = [
        Need("output", "ssh to the nodes", (to,), (Opening("", str(network)),)),
        Need("input", "the nodes' answers", (back,), (Opening(str(network)),)),
    ]
    if uplink:
        out = Packet(network, SOMEWHERE, incoming=interface, target_port=WEB)
        answer = Packet(SOMEWHERE, network, outgoing=interface, source_port=WEB, answers=True)
        openings = (Opening(str(network)), Opening("", str(network)))
        found.append(Need("forward", "the nodes' way out", (out, answer), openings))
    return found
