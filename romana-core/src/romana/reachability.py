"""Who may talk to whom: what the segments and policies say, independent of any kernel. Pure.

An endpoint reaches the endpoints of its own segment, on any host, by any protocol. Everything else is closed until a
policy opens it. A policy opens one direction: its source may begin, and the replies pass.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address

from romana.models import Endpoint, Peer, PolicyCreate, Protocol, port_bounds


@dataclass(frozen=True, slots=True)
class Party:
    """One end of a conversation: an endpoint (tenant and segment set), or an address outside the plan (both None)."""

    address: IPv4Address
    tenant: str | None = None
    segment: str | None = None

    @classmethod
    def of(cls, endpoint: Endpoint) -> Party:
        """The party that an endpoint is."""
        return cls(endpoint.address, endpoint.tenant, endpoint.segment)


def allowed(
    policies: Iterable[PolicyCreate], source: Party, target: Party, protocol: Protocol, port: int | None = None
) -> bool:
    """Whether `source` may begin a conversation with `target`.

    `port` is the destination port of tcp and udp (1..65535). Protocol.ANY asks about all protocols at once. Raises
    ValueError when a port is missing or makes no sense.
    """
    if (port is not None) != (protocol in (Protocol.TCP, Protocol.UDP)):
        raise ValueError(f"protocol {protocol.value} {'has no ports' if port is not None else 'needs a port'}")
    if source.tenant is not None and (source.tenant, source.segment) == (target.tenant, target.segment):
        return True
    return any(_opens(policy, source, target, protocol, port) for policy in policies)


def _opens(policy: PolicyCreate, source: Party, target: Party, protocol: Protocol, port: int | None) -> bool:
    return (
        _matches(policy.source, source)
        and _matches(policy.target, target)
        and policy.protocol in (Protocol.ANY, protocol)
        and (not policy.ports or (port is not None and any(_within(port, text) for text in policy.ports)))
    )


def _matches(peer: Peer, party: Party) -> bool:
    if peer.cidr is not None:
        return party.tenant is None and party.address in peer.cidr
    return party.tenant == peer.tenant and peer.segment in (None, party.segment)


def _within(port: int, text: str) -> bool:
    low, high = port_bounds(text)
    return low <= port <= high
