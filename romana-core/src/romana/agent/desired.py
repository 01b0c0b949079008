"""What a host must have, worked out from the state the server sends. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from romana.addressing import AddressPlan
from romana.agent.traffic import Traffic, traffic
from romana.models import HostState


@dataclass(frozen=True, slots=True)
class Peer:
    """Another host: its prefix is reached through its address."""

    name: str
    prefix: str
    address: str


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
    """One host's whole network. Addresses and prefixes are text, as the kernel's tools write them."""

    generation: int
    host: str
    plan: AddressPlan
    gateway: str
    prefix: str
    peers: tuple[Peer, ...]
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
        plan=plan,
        gateway=str(plan.gateway(state.host.index)),
        prefix=str(plan.host_network(state.host.index)),
        peers=tuple(
            Peer(peer.name, str(plan.host_network(peer.index)), str(peer.address))
            for peer in sorted(state.peers, key=lambda peer: peer.index)
        ),
        endpoints=tuple(
            Endpoint(item.id, str(item.address), item.mac, item.interface)
            for item in sorted(state.endpoints, key=lambda item: item.address)
        ),
        traffic=traffic(plan, state.segments, state.rules),
    )
