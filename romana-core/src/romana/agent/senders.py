"""What other hosts may send: the rules that a restricted host meets at its peers. Pure.

A host that belongs to a tenant may do away with its own rules. So each peer looks at what comes from other hosts: an
address of the plan is believed when it lies in the prefix of the host that the packet comes from, and, if that host has
an owner, in the owner's part of it. Whom a packet comes from, its MAC says; behind routers nothing does.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network

from romana.agent.desired import Desired, Peer
from romana.agent.traffic import Element


@dataclass(frozen=True, slots=True)
class Senders:
    """The rules of a host, and what their sets hold.

    routers: whether packets of other hosts may come by way of routers.
    """

    wanted: Desired
    routers: bool

    @property
    def type(self) -> tuple[str, ...]:
        """Of the elements: addresses, each with the MAC it comes from where that can be told."""
        return ("ipv4_addr",) if self.routers else ("ipv4_addr", "ether_addr")

    @property
    def entrance(self) -> str:
        """Rule that has each packet judged that says to come from an endpoint, and comes from no tap."""
        return f'iifname != "lo" ip saddr {self.wanted.plan.cidr} jump sender'

    @property
    def rules(self) -> tuple[str, ...]:
        """Of the chain `sender`: a host of everybody's is known by its prefix, one of a tenant's by less."""
        mac = "" if self.routers else " . ether saddr"
        return (
            f"ip saddr & {self._host_mask}{mac} @senders return",
            f"ip saddr & {self._tenant_mask}{mac} @senders return",
            "drop",
        )

    @property
    def beyond(self) -> str:
        """Expression for packets to a restricted host, to what is its owner's."""
        return f"ip daddr & {self._tenant_mask} @owned"

    @property
    def elements(self) -> frozenset[Element]:
        """Of `senders`. On one network, a host that has never said its MAC may send nothing."""
        if self.routers:
            return frozenset((_address(peer),) for peer in self.wanted.peers)
        return frozenset((_address(peer), peer.mac) for peer in self.wanted.peers if peer.mac is not None)

    @property
    def owned(self) -> frozenset[Element]:
        """Of `owned`: what of restricted hosts may be sent to."""
        return frozenset((_address(peer),) for peer in self.wanted.peers if peer.owned is not None)

    @property
    def _host_mask(self) -> str:
        return str(IPv4Network((0, self.wanted.prefix_length)).netmask)

    @property
    def _tenant_mask(self) -> str:
        return str(IPv4Network((0, self.wanted.prefix_length + self.wanted.plan.tenant_bits)).netmask)


def _address(peer: Peer) -> str:
    return (peer.owned or peer.prefix).partition("/")[0]
