"""What a host must have, worked out from the state the server sends. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Network

from romana.addressing import AddressPlan
from romana.agent.groups import Members, Profiles, profiles
from romana.agent.traffic import NUMBERS, Traffic, addresses, merge, traffic
from romana.models import Bandwidth, HostState, Lease, StateEndpoint


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
    """What lives behind one tap of this host.

    own_pairs: (MAC, address) it may also send from, of its own segment. lent: (MAC, addresses), outside the plan.
    trusted: it may send from any address outside the plan. groups: those that say what it may;
    None: none has a say. floating: its floating IP, if it has one.
    """

    id: str
    address: str
    mac: str
    interface: str
    own_pairs: tuple[tuple[str, str], ...] = ()
    lent: tuple[tuple[str, str], ...] = ()
    trusted: bool = False
    groups: tuple[str, ...] | None = None
    lease: Lease = field(default_factory=Lease)
    bandwidth: Bandwidth = field(default_factory=Bandwidth)
    floating: str | None = None

    @property
    def prefix(self) -> str:
        """What its route is to."""
        return f"{self.address}/32"

    @property
    def roams(self) -> bool:
        """Whether it may send from more than its own address."""
        return self.trusted or bool(self.own_pairs or self.lent)

    @property
    def subject(self) -> str:
        """What it is called in reports."""
        return f"endpoint {self.id}"


@dataclass(frozen=True, slots=True)
class Forwarding:
    """A port of a floating IP that leads to an endpoint; the host has the endpoint, or answers for the floating IP.

    protocol, port, endpoint_port: numbers. endpoint: its own address. host: address of the endpoint's host; None: this
    one. answering: address of the host that answers for the floating IP; None: this one.
    """

    address: str
    protocol: str
    port: str
    endpoint: str
    endpoint_port: str
    host: str | None
    answering: str | None

    @property
    def service(self) -> tuple[str, str, str]:
        """What is asked for."""
        return self.address, self.protocol, self.port


@dataclass(frozen=True, slots=True)
class Known:
    """How much of groups there is. groups: those that endpoints of the host are in. members: of those named there."""

    groups: int
    members: int


@dataclass(frozen=True, slots=True)
class Desired:
    """One host's whole network. Addresses and prefixes are text, as the kernel's tools write them.

    restricts: whether some host, be it this one, may not speak for everybody, so that all look at who sends what.
    disabled: endpoints whose taps are shut. forwardings: to other endpoints than those.
    by_port: floating IPs that are forwarded, be it to those alone. answered: the ones that this host answers for.
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
    disabled: tuple[Endpoint, ...]
    forwardings: tuple[Forwarding, ...]
    by_port: frozenset[str]
    answered: frozenset[str]
    traffic: Traffic
    groups: Profiles
    known: Known

    @property
    def prefix_length(self) -> int:
        """Length of each host's prefix."""
        return self.plan.host_prefix_length


def desired(state: HostState, members: Members) -> Desired:
    """Raises FieldError when the state has a number that the plan has no room for.

    members: who is in the groups that rules of the host's groups name.
    """
    plan = state.plan.address_plan()
    there = sorted(state.endpoints, key=lambda item: item.address)
    floating = {item.endpoint_address: str(item.address) for item in state.floating}
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
            _endpoint(plan, item, floating.get(item.address)) for item in there if item.permissions.enabled
        ),
        disabled=tuple(_endpoint(plan, item, None) for item in there if not item.permissions.enabled),
        forwardings=_forwardings(state),
        by_port=frozenset(str(item.address) for item in state.forwarding),
        answered=frozenset(str(item.address) for item in state.forwarding if item.answering is None),
        traffic=traffic(plan, state.segments, state.rules),
        groups=host_profiles(state, members),
        known=known(state, members),
    )


def host_profiles(state: HostState, members: Members) -> Profiles:
    """The groups' say on the host."""
    return profiles((item for item in state.endpoints if item.permissions.enabled), state.groups, members)


def known(state: HostState, members: Members) -> Known:
    """How much of groups a host has to know."""
    named = {rule.remote_group for group in state.groups for rule in group.rules}
    return Known(len(state.groups), sum(sum(1 for _ in there) for name, there in members.items() if name in named))


def _forwardings(state: HostState) -> tuple[Forwarding, ...]:
    shut = {item.address for item in state.endpoints if not item.permissions.enabled}
    return tuple(
        Forwarding(
            address=str(item.address),
            protocol=str(NUMBERS[item.protocol]),
            port=str(item.port),
            endpoint=str(item.endpoint_address),
            endpoint_port=str(item.endpoint_port),
            host=None if item.host is None else str(item.host),
            answering=None if item.answering is None else str(item.answering),
        )
        for item in state.forwarding
        if item.endpoint_address not in shut
    )


def _endpoint(plan: AddressPlan, item: StateEndpoint, floating: str | None) -> Endpoint:
    own: list[tuple[str, str]] = []
    outside: dict[str, list[tuple[int, int]]] = {}
    for pair in item.permissions.address_pairs:
        mac = pair.mac or item.mac
        if _is_of_segment(plan, pair.network, item):
            own += [(mac, str(address)) for address in pair.network]
        else:
            outside.setdefault(mac, []).append((int(pair.network[0]), int(pair.network[-1])))
    return Endpoint(
        item.id,
        str(item.address),
        item.mac,
        item.interface,
        own_pairs=tuple(own),
        lent=tuple((mac, addresses(one)) for mac, intervals in outside.items() for one in merge(intervals)),
        trusted=not item.permissions.port_security,
        groups=None if item.permissions.groups is None else tuple(item.permissions.groups),
        lease=item.lease,
        bandwidth=item.bandwidth,
        floating=floating,
    )


def _is_of_segment(plan: AddressPlan, network: IPv4Network, item: StateEndpoint) -> bool:
    """Whether all of a network's addresses are of the endpoint's segment, on some host."""
    if not network.subnet_of(plan.network) or network.prefixlen < network.max_prefixlen - plan.endpoint_bits:
        return False
    place, own = plan.locate(network[0]), plan.locate(item.address)
    return (place.tenant, place.segment) == (own.tenant, own.segment)
