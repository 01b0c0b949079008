"""What has to change in interfaces, addresses, routes and sysctls to get from observed to desired. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Literal

from romana.agent.desired import Desired, Endpoint
from romana.agent.observed import PROTOCOL, Address, Link, Neighbour, Observed, Route

GATEWAY = "romana-gw"
GATEWAY_KINDS = ("dummy", "bridge")
KERNEL = 2  # route protocol of what the kernel makes by itself
HOST = ""  # owner of the parameters that are not of one interface
IP_FORWARD = "net/ipv4/ip_forward"


@dataclass(frozen=True, slots=True)
class Gateway:
    """The gateway interface itself."""


@dataclass(frozen=True, slots=True)
class Up:
    """An interface's being up."""

    link: int


@dataclass(frozen=True, slots=True)
class Sysctl:
    """A kernel parameter. `owner`: the interface it is of, or HOST; `path` is below /proc/sys."""

    owner: str
    path: str
    value: str


Thing = Gateway | Up | Address | Route | Neighbour | Sysctl


@dataclass(frozen=True, slots=True)
class Change:
    """One step. `subject` says in a report what it is about; `text` says in the log what it does."""

    verb: Literal["add", "replace", "remove"]
    thing: Thing
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Something we may not or can not do; `message` has the fix."""

    subject: str
    message: str


@dataclass(slots=True)
class Plan:
    """All that has to be done, in order, and what stands in the way."""

    changes: list[Change] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def tap_sysctls(name: str) -> dict[str, str]:
    """Parameters of an endpoint's interface: path -> value.

    proxy_arp: the guest takes the whole host prefix for its own link, and the host answers for everyone on it.
    proxy_delay: at once, not after up to 0.8 s. rp_filter: a wrong source address is dropped by routing, too.
    """
    return {
        f"net/ipv4/conf/{name}/forwarding": "1",
        f"net/ipv4/conf/{name}/proxy_arp": "1",
        f"net/ipv4/conf/{name}/rp_filter": "1",
        f"net/ipv4/neigh/{name}/proxy_delay": "0",
        f"net/ipv6/conf/{name}/disable_ipv6": "1",
    }


def refusal(observed: Observed, endpoint: Endpoint) -> Problem | None:
    """Why the endpoint's interface cannot be an endpoint's, if it cannot."""
    link = observed.link(endpoint.interface)
    if endpoint.interface in ("lo", GATEWAY) or (link is not None and observed.has_addresses(link)):
        return Problem(
            f"endpoint {endpoint.id}",
            f"interface {endpoint.interface} is the host's own, not a tap; give the endpoint its own interface",
        )
    return None


def wired(observed: Observed, endpoints: Iterable[Endpoint]) -> Iterator[tuple[Endpoint, Link]]:
    """The endpoints whose interface is there and up."""
    for endpoint in endpoints:
        link = observed.link(endpoint.interface)
        if link is not None and link.up:
            yield endpoint, link


def plan(wanted: Desired, observed: Observed) -> Plan:
    """Everything that has to change. What needs the index of an interface that is only being made comes next time."""
    result = Plan()
    link = observed.link(GATEWAY)
    if link is None:
        result.changes.append(Change("add", Gateway(), "gateway", f"interface {GATEWAY} added"))
        return result
    if link.kind not in GATEWAY_KINDS:
        kind = link.kind or "real device"
        result.problems.append(
            Problem(
                "gateway", f"interface {GATEWAY} exists but is a {kind}; rename or remove it: ip link del {GATEWAY}"
            )
        )
        return result
    _sysctl(result, observed, Sysctl(HOST, IP_FORWARD, "1"), "gateway")
    ready = _gateway(result, wanted, observed, link)
    routes = _routes(result, wanted, observed, link if ready else None)
    _remove_routes(result, observed, routes)
    for route, subject in routes.items():
        _route(result, observed, route, subject)
    _endpoints(result, wanted, observed)
    return result


def _gateway(result: Plan, wanted: Desired, observed: Observed, link: Link) -> bool:
    """Plans the gateway's interface; returns whether it is as it must be already."""
    if not link.up:
        result.changes.append(Change("add", Up(link.index), "gateway", f"{GATEWAY} set up"))
    address = Address(link.index, wanted.gateway, wanted.prefix_length)
    for other in sorted(observed.addresses - {address}, key=lambda item: item.address):
        if other.link == link.index and _is_gateway(wanted, other):
            result.changes.append(Change("remove", other, "gateway", f"address {other.address} removed"))
    if address not in observed.addresses:
        text = f"address {wanted.gateway}/{wanted.prefix_length} added to {GATEWAY}"
        result.changes.append(Change("add", address, "gateway", text))
    return link.up and address in observed.addresses


def _is_gateway(wanted: Desired, address: Address) -> bool:
    """Whether this is the gateway address of some host of the plan: only we put such a one on our interface."""
    plan = wanted.plan
    if address.length != plan.host_prefix_length or IPv4Address(address.address) not in plan.network:
        return False
    return address.address == str(plan.gateway(plan.locate(address.address).host))


def _routes(result: Plan, wanted: Desired, observed: Observed, gateway: Link | None) -> dict[Route, str]:
    """The routes there must be now, each with its subject. `gateway`: its interface, when it is ready."""
    routes = {}
    if gateway is not None:
        own = Route(wanted.prefix, gateway.index, None, wanted.gateway, PROTOCOL)
        kernels = Route(wanted.prefix, gateway.index, None, wanted.gateway, KERNEL)
        # The kernel makes it with the address; ours is for when somebody has removed that one.
        if kernels not in observed.routes.get(wanted.prefix, set()):
            routes[own] = "gateway"
    for peer in wanted.peers:
        there = observed.routes.get(peer.prefix, set())
        found = next((item for item in there if item.protocol == PROTOCOL and item.via == peer.address), None)
        # The kernel finds the interface to the next hop; whichever it found is right.
        routes[found or Route(peer.prefix, 0, peer.address, None, PROTOCOL)] = f"route {peer.prefix}"
    for endpoint, link in wired(observed, wanted.endpoints):
        if refused := refusal(observed, endpoint):
            result.problems.append(refused)
            continue
        route = Route(f"{endpoint.address}/32", link.index, None, wanted.gateway, PROTOCOL)
        routes[route] = f"endpoint {endpoint.id}"
    return routes


def _route(result: Plan, observed: Observed, route: Route, subject: str) -> None:
    there = observed.routes.get(route.prefix, set())
    foreign = sorted((item for item in there if item.protocol != PROTOCOL), key=lambda item: item.metric)
    if foreign:
        result.problems.append(Problem(subject, _conflict(observed, foreign[0])))
    elif route not in there:
        way = f"via {route.via}" if route.via else f"dev {observed.links[route.link].name}"
        verb: Literal["add", "replace"] = "replace" if there else "add"
        result.changes.append(Change(verb, route, subject, f"route {route.prefix} {way} {verb.rstrip('e')}ed"))


def _conflict(observed: Observed, route: Route) -> str:
    link = observed.links.get(route.link)
    way = " ".join(
        [route.prefix, *(["via", route.via] if route.via else []), *(["dev", link.name] if link is not None else [])]
    )
    return f"a route that is not ours has this prefix: {way}; remove it if it is not wanted: ip route del {way}"


def _remove_routes(result: Plan, observed: Observed, wanted: dict[Route, str]) -> None:
    prefixes = {route.prefix for route in wanted}
    for there in observed.routes.values():
        for route in there:
            if route.protocol == PROTOCOL and route not in wanted:
                kept = [item for item in there if item in wanted]
                if route.prefix not in prefixes or kept:
                    text = f"route {route.prefix} removed"
                    result.changes.append(Change("remove", route, f"route {route.prefix}", text))


def _endpoints(result: Plan, wanted: Desired, observed: Observed) -> None:
    neighbours = {}
    for endpoint, link in wired(observed, wanted.endpoints):
        if refusal(observed, endpoint):
            continue
        neighbours[Neighbour(link.index, endpoint.address, endpoint.mac)] = endpoint
        for path, value in tap_sysctls(link.name).items():
            _sysctl(result, observed, Sysctl(link.name, path, value), f"endpoint {endpoint.id}")
    for neighbour in sorted(set(observed.neighbours.values()) - neighbours.keys(), key=lambda item: item.address):
        text = f"neighbour {neighbour.address} removed"
        result.changes.append(Change("remove", neighbour, f"neighbour {neighbour.address}", text))
    for neighbour, endpoint in neighbours.items():
        if observed.neighbours.get((neighbour.link, neighbour.address)) != neighbour:
            text = f"neighbour {neighbour.address} is {neighbour.mac} on {endpoint.interface}"
            result.changes.append(Change("replace", neighbour, f"endpoint {endpoint.id}", text))


def _sysctl(result: Plan, observed: Observed, wanted: Sysctl, subject: str) -> None:
    found = observed.sysctls.get(wanted.owner, {}).get(wanted.path)
    if found is not None and found != wanted.value:
        text = f"{wanted.path} {found} -> {wanted.value}"
        result.changes.append(Change("replace", wanted, subject, text))


def interesting_sysctls(wanted: Desired, observed: Observed) -> Iterator[tuple[str, Iterable[str]]]:
    """Owners and paths of all parameters whose value matters now."""
    yield HOST, (IP_FORWARD,)
    for endpoint, link in wired(observed, wanted.endpoints):
        if not refusal(observed, endpoint):
            yield link.name, tap_sysctls(link.name)
