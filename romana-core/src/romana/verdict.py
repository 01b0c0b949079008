"""May one side begin a conversation with another, and who says so: segments and policies first, then groups. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network

from romana.models import (
    Direction,
    Endpoint,
    Group,
    GroupRule,
    Policy,
    PolicyCreate,
    Protocol,
    Router,
    port_bounds,
)
from romana.reachability import Party, allowed
from romana.router_policies import router_policies

NUMBERS = {Protocol.ICMP: 1, Protocol.TCP: 6, Protocol.UDP: 17}
ENDPOINT, SEGMENTS, EGRESS, INGRESS = "endpoint", "segments", "egress", "ingress"  # kinds of steps
NAMES = {number: protocol for protocol, number in NUMBERS.items()}


@dataclass(frozen=True, slots=True)
class Service:
    """What is asked for. port: of protocols that have them; of ICMP, kind is (type, code), a code of None is any."""

    protocol: int
    port: int | None = None
    kind: tuple[int, int | None] | None = None


@dataclass(frozen=True, slots=True)
class Side:
    """One side: an endpoint, or addresses that are none's (then `endpoint` is None).

    floating: the floating IP that the endpoint is asked by; None: its own address.
    outside: as what an endpoint is seen by other hosts when it asks a floating IP; nobody looks at it otherwise.
    port: the endpoint's, which a port of the floating IP leads to; None: the one that is asked for.
    answering: name of the host that answers for a floating IP of which only ports lead to endpoints; None: it is none.
    """

    network: IPv4Network
    endpoint: Endpoint | None = None
    floating: IPv4Address | None = None
    outside: IPv4Address | None = None
    port: int | None = None
    answering: str | None = None

    def asked_for(self, service: Service) -> Service:
        """What the endpoint itself is asked for."""
        return service if self.port is None else replace(service, port=self.port)

    @property
    def party(self) -> Party:
        """For segments and policies."""
        return Party.of(self.endpoint) if self.endpoint else Party(self.network.network_address)

    def __str__(self) -> str:
        if self.endpoint is None:
            return str(self.network if self.network.num_addresses > 1 else self.network.network_address)
        own = self.endpoint.name or str(self.endpoint.address)
        own += "" if self.port is None else f":{self.port}"
        return own if self.floating is None else f"{self.floating} ({own})"


@dataclass(frozen=True, slots=True)
class Step:
    """One who has a say: where, whether it lets pass, and why; and of what kind it is."""

    where: str
    passes: bool
    why: str
    kind: str


def verdict(
    source: Side,
    target: Side,
    service: Service,
    policies: Sequence[Policy],
    groups: Mapping[str, Group],
    endpoints: Iterable[Endpoint],
    routers: Sequence[Router] = (),
) -> list[Step]:
    """Everyone who is asked, in their order; what is asked for passes when all let it.

    Args:
        source: who begins.
        target: with whom.
        service: what for.
        policies: all.
        groups: all, by their ids.
        endpoints: all; who is in groups.
        routers: all.
    """
    if target.endpoint is None and target.floating is not None:
        why = f"this is no port of floating IP {target.floating} that leads to an endpoint"
        return [Step("forwardings", False, why, ENDPOINT)]
    members = list(endpoints)
    steps = [
        Step(f"endpoint {side}", False, "it is disabled", ENDPOINT)
        for side in (source, target)
        if side.endpoint is not None and not side.endpoint.permissions.enabled
    ]
    steps.append(_segments(source, target, service, _openings(policies, routers)))
    asked, asker = seen(source, target)
    if source.endpoint is not None:
        steps.append(_groups(source.endpoint, asked, Direction.EGRESS, service, groups, members))
    if target.endpoint is not None:
        own = target.asked_for(service)
        steps.append(_groups(target.endpoint, asker, Direction.INGRESS, own, groups, members))
    return steps


def seen(source: Side, target: Side) -> tuple[Side, Side]:
    """Whom the source's groups see as the target, and the target's as the source.

    Who asks for a floating IP asks an address outside, also of who is inside; and on another host than its own, who
    asks is seen as what it has outside.
    """
    if source.endpoint is None or target.endpoint is None or target.floating is None:
        return target, source
    asked = Side(IPv4Network(target.floating))
    if source.outside is None or source.endpoint.host == target.endpoint.host:
        return asked, source
    return asked, Side(IPv4Network(source.outside))


def together(source: Side, target: Side) -> bool:
    """Whether both are in one segment, so that nothing else has to let them.

    By a floating IP only where the asker's host translates to the endpoint's own address.
    """
    if source.endpoint is None or target.endpoint is None or _place(source) != _place(target):
        return False
    return target.floating is None or source.endpoint.host in (target.endpoint.host, target.answering)


def describe(rule: GroupRule, groups: Mapping[str, Group]) -> str:
    """A rule in words: 'ingress tcp 22 from 192.0.2.0/24'."""
    if rule.protocol is None:
        what = "all"
    else:
        name = NAMES.get(rule.protocol)
        what = name.value if name else f"protocol {rule.protocol}"
    if rule.ports is not None:
        what += f" {rule.ports}"
    if rule.icmp_type is not None:
        what += f" type {rule.icmp_type}" + (f" code {rule.icmp_code}" if rule.icmp_code is not None else "")
    word = "from" if rule.direction is Direction.INGRESS else "to"
    if rule.remote_group is not None:
        other = f"group {_name(rule.remote_group, groups)}"
    else:
        other = ", ".join(map(str, rule.remotes)) if rule.remotes is not None else "anywhere"
    return f"{rule.direction.value} {what} {word} {other}"


def _openings(policies: Iterable[Policy], routers: Iterable[Router]) -> list[tuple[str, PolicyCreate]]:
    """All that opens something, with what it is called."""
    return [
        *((f"policy {policy.name}", policy) for policy in policies),
        *((f"router {router.name or router.id}", policy) for router in routers for policy in router_policies(router)),
    ]


def _segments(source: Side, target: Side, service: Service, openings: Iterable[tuple[str, PolicyCreate]]) -> Step:
    where = "segments and policies"
    if source.endpoint is None and target.floating is not None:
        return Step(where, True, f"floating IP {target.floating} is for everybody outside to ask", SEGMENTS)
    asked, _ = seen(source, target)
    one, other = _place(source), _place(asked)
    if together(source, target):
        return Step(where, True, f"both are in {one}", SEGMENTS)
    # A protocol that policies have no name for passes only where all do.
    protocol = NAMES.get(service.protocol, Protocol.ANY)
    port = service.port if protocol in (Protocol.TCP, Protocol.UDP) else None
    for name, policy in openings:
        if allowed([policy], source.party, asked.party, protocol, port):
            return Step(where, True, f"{name} lets {one} ask {other}", SEGMENTS)
    return Step(where, False, f"no policy and no router lets {one} ask {other} for this", SEGMENTS)


def _place(side: Side) -> str:
    return f"{side.endpoint.tenant}/{side.endpoint.segment}" if side.endpoint else str(side)


def _groups(
    endpoint: Endpoint,
    other: Side,
    direction: Direction,
    service: Service,
    groups: Mapping[str, Group],
    members: Iterable[Endpoint],
) -> Step:
    where = f"{direction.value} of {endpoint.name or endpoint.address}"
    kind = EGRESS if direction is Direction.EGRESS else INGRESS
    names = endpoint.permissions.groups
    if names is None:
        return Step(where, True, "groups have no say about it", kind)
    for name in names:
        for rule in groups[name].rules if name in groups else ():
            if rule.direction is direction and _asks(rule, service) and _is_about(rule, other, members):
                return Step(where, True, f"group {_name(name, groups)}: {describe(rule, groups)}", kind)
    if not names:
        return Step(where, False, "it is in no group", kind)
    listed = ", ".join(_name(name, groups) for name in names)
    return Step(where, False, f"no {direction.value} rule of its groups lets it pass: {listed}", kind)


def _name(identifier: str, groups: Mapping[str, Group]) -> str:
    group = groups.get(identifier)
    return f"{group.name} ({identifier})" if group is not None and group.name else identifier


def _asks(rule: GroupRule, service: Service) -> bool:
    if rule.protocol is None:
        return True
    if rule.protocol != service.protocol:
        return False
    if rule.ports is not None:
        low, high = port_bounds(rule.ports)
        return service.port is not None and low <= service.port <= high
    if rule.icmp_type is None:
        return True
    return service.kind is not None and service.kind[0] == rule.icmp_type and rule.icmp_code in (None, service.kind[1])


def _is_about(rule: GroupRule, other: Side, members: Iterable[Endpoint]) -> bool:
    if rule.remote_group is not None:
        return any(
            other.network.subnet_of(network)
            for member in members
            if rule.remote_group in (member.permissions.groups or ())
            for network in (IPv4Network(member.address), *(pair.network for pair in member.permissions.address_pairs))
        )
    return rule.remotes is None or any(other.network.subnet_of(network) for network in rule.remotes)
