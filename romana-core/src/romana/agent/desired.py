"""What a host must have, worked out from the state the server sends. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from romana.addressing import AddressPlan
from romana.agent.traffic import Traffic, traffic
from romana.models import HostState


@dataclass(frozen=True, slots=True)
class Peer:
    """Another host: its prefix is reached through its address.

    owned: the part of its prefix that its owner has; None: it has no owner. mac: of its address, where it is known.
    """

    name: str
    prefix: str
    address: str
    owned: str | None
    mac: str | None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What lives behind one tap of this host."""

    id: str
    address: str
    mac: str
    interface: str

    @property
    def prefix(self) -> str:
        """What its route is to."""
        return f"{self.address}/32"

    @property
    def subject(self) -> str:
        """What it is called in reports."""
        return f"endpoint {self.id}"


@dataclass(frozen=True, slots=True)
class Desired:
    """One host's whole network. Addresses and prefixes are text, as the kernel's tools write them.

    restricts: whether some host, be it this one, may not speak for everybody, so that all look at who sends what.
    """

    generation: int
    host: str
    address: str
    plan: AddressPlan
    gateway: str
    prefix: str
    peers: tuple[Peer, ...]
    restricts: bool
    endpoints: tuple[Endpoint, ...]
    traffic: Traffic

    @property
    def prefix_length(self) -> int:
        """Length of each host's prefix."""
        return self.plan.host_prefix_length


def desired(state: HostState) -> Desired:
    """Raises FieldError when the state has a number that the plan has no room for."""
    plan = state.plan.address_plan()
    return Desired(
        generation=state.generation,
        host=state.host.name,
        address=str(state.host.address),
        plan=plan,
        gateway=str(plan.gateway(state.host.index)),
        prefix=str(plan.host_network(state.host.index)),
        peers=tuple(
            Peer(
                name=peer.name,
                prefix=str(plan.host_network(peer.index)),
                address=str(peer.address),
                owned=None if peer.owner is None else str(plan.tenant_network(peer.index, peer.owner)),
                mac=peer.mac,
            )
            for peer in sorted(state.peers, key=lambda peer: peer.index)
        ),
        restricts=any(item.owner is not None for item in (state.host, *state.peers)),
        endpoints=tuple(
            Endpoint(item.id, str(item.address), item.mac, item.interface)
            for item in sorted(state.endpoints, key=lambda item: item.address)
        ),
        traffic=traffic(plan, state.segments, state.rules),
    )
