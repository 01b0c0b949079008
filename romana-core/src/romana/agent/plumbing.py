"""What has to change in interfaces, addresses, routes and sysctls to get from observed to desired. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Network
from typing import Literal

from romana.agent.desired import Desired, Endpoint
from romana.agent.observed import PROTOCOL, Address, Link, Neighbour, Observed, Proxy, Route

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


Thing = Gateway | Up | Address | Route | Neighbour | Proxy | Sysctl


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


TAP_SYSCTLS = {"forwarding": "1", "proxy_arp": "1", "rp_filter": "1", "proxy_delay": "0", "disable_ipv6": "1"}
_TAP_PATHS = (
    ("ipv4/conf", "forwarding"),
    ("ipv4/conf", "proxy_arp"),
    ("ipv4/conf", "rp_filter"),
    ("ipv4/neigh", "proxy_delay"),
    ("ipv6/conf", "disable_ipv6"),
)


def tap_sysctls(name: str, *, roams: bool = False) -> dict[str, str]:
    """Parameters of an endpoint's interface: path -> value. `roams`: it may send from more than its own address.

    proxy_arp: the guest takes the whole host prefix for its own link, and the host answers for everyone on it.
    proxy_delay: at once, not after up to 0.8 s. rp_filter: a wrong source address is dropped by routing, too.
    """
    values = TAP_SYSCTLS | ({"rp_filter": "0"} if roams else {})
    return {f"net/{where}/{name}/{last}": values[last] for where, last in _TAP_PATHS}


def wired(observed: Observed, endpoints: Iterable[Endpoint]) -> Iterator[tuple[Endpoint, Link]]:
    """The endpoints whose interface is there and up, and is not the host's own."""
    own = own_links(observed)
    for endpoint in endpoints:
        link = observed.link(endpoint.interface)
        if link is not None and link.up and link.index not in own:
            yield endpoint, link


def own_links(observed: Observed) -> set[int]:
    """Indexes of interfaces that cannot be an endpoint's: the host itself speaks through them."""
    names = {observed.names.get(name, 0) for name in ("lo", GATEWAY)}
    return names | {address.link for address in observed.addresses}


def needed(observed: Observed) -> dict[str, str]:
    """Addresses that can be nobody's floating IP, as the host itself needs them: address -> why."""
    routers = {
        route.via: f"this host's route to {route.prefix} leads by this address"
        for there in observed.routes.values()
        for route in there
        if route.via is not None and route.protocol != PROTOCOL
    }
    return routers | {item.address: "this host has this address itself" for item in observed.addresses}


def front(wanted: Desired, observed: Observed) -> frozenset[str]:
    """Names of the interfaces that have the host's own address: there it answers for floating IPs."""
    links = (observed.links.get(item.link) for item in observed.addresses if item.address == wanted.address)
    return frozenset(link.name for link in links if link is not None)


def next_hop(host: str, observed: Observed) -> str:
    """Where packets for what is behind a host go, with routers: like those for the host itself.

    To the router that has them, or to the host when it is on a network of ours, or nothing leads to it.
    """
    covering = [
        route
        for there in observed.routes.values()
        for route in there
        if route.protocol != PROTOCOL and IPv4Address(host) in IPv4Network(route.prefix)
    ]
    best = max(covering, key=lambda route: (IPv4Network(route.prefix).prefixlen, -route.metric), default=None)
    return host if best is None or best.via is None else best.via


def plan(wanted: Desired, observed: Observed, routers: bool = False) -> Plan:
    """Everything that has to change. What needs the index of an interface that is only being made comes next time.

    routers: whether there are routers to hosts on other networks that know all prefixes.
    """
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
    _refuse(result, wanted, observed)
    taken = needed(observed)
    _refuse_floating(result, wanted, taken)
    answered = sorted(wanted.answered - taken.keys())
    here = [
        (replace(endpoint, floating=None) if endpoint.floating in taken else endpoint, tap)
        for endpoint, tap in wired(observed, wanted.endpoints)
    ]
    hops = {peer.prefix: next_hop(peer.address, observed) if routers else peer.address for peer in wanted.peers}
    routes = _routes(wanted, observed, link if ready else None, here, hops, answered)
    _remove_routes(result, observed, routes)
    for route, subject in routes.values():
        _route(result, observed, route, subject)
    _neighbours(result, observed, here)
    addresses = [*answered, *(endpoint.floating for endpoint, _ in here if endpoint.floating is not None)]
    _proxies(result, wanted, observed, addresses)
    for endpoint, tap in here:
        if endpoint.roams or not _are_set(observed.sysctls.get(tap.name, {})):
            for path, value in tap_sysctls(tap.name, roams=endpoint.roams).items():
                _sysctl(result, observed, Sysctl(tap.name, path, value), endpoint.subject)
    return result


def _refuse(result: Plan, wanted: Desired, observed: Observed) -> None:
    own = own_links(observed)
    macs: dict[str, Endpoint] = {}
    for endpoint in wanted.endpoints:
        other = macs.setdefault(endpoint.mac, endpoint)
        if other.interface != endpoint.interface:
            message = f"MAC {endpoint.mac} is that of {other.subject}, too: DHCP cannot tell them apart; change one"
            result.problems.append(Problem(endpoint.subject, message))
        if observed.names.get(endpoint.interface) in own:
            result.problems.append(
                Problem(
                    endpoint.subject,
                    f"interface {endpoint.interface} is the host's own, not a tap; give the endpoint its own interface",
                )
            )


def _refuse_floating(result: Plan, wanted: Desired, taken: Mapping[str, str]) -> None:
    for endpoint in wanted.endpoints:
        if endpoint.floating is not None and endpoint.floating in taken:
            message = f"{taken[endpoint.floating]}, so it is not put in place; give {endpoint.subject} another one"
            result.problems.append(Problem(floating(endpoint.floating), message))
    for address in sorted(wanted.by_port & taken.keys()):
        message = f"{taken[address]}, so it is not put in place; forward the ports of another one"
        result.problems.append(Problem(floating(address), message))


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


def _routes(
    wanted: Desired,
    observed: Observed,
    gateway: Link | None,
    here: Iterable[tuple[Endpoint, Link]],
    hops: Mapping[str, str],
    answered: Iterable[str],
) -> dict[str, tuple[Route, str]]:
    """The routes there must be now, with their subjects, by prefix.

    gateway: its interface, when it is ready; hops: the next hop to each other host's prefix; answered: the floating
    IPs of several endpoints that the host answers for, whichever of their taps are there.
    """
    routes = {}
    if gateway is not None:
        own = Route(wanted.prefix, gateway.index, None, wanted.gateway, PROTOCOL)
        kernels = Route(wanted.prefix, gateway.index, None, wanted.gateway, KERNEL)
        # The kernel makes it with the address; ours is for when somebody has removed that one.
        if kernels not in observed.routes.get(wanted.prefix, set()):
            routes[wanted.prefix] = own, "gateway"
        # The kernel answers only for what leads elsewhere. What is not translated ends there.
        for address in answered:
            prefix = f"{address}/32"
            routes[prefix] = Route(prefix, gateway.index, None, wanted.gateway, PROTOCOL), floating(address)
    for prefix, hop in hops.items():
        there = observed.routes.get(prefix, set())
        found = next((item for item in there if item.protocol == PROTOCOL and item.via == hop), None)
        # The kernel finds the interface to the next hop; whichever it found is right.
        routes[prefix] = found or Route(prefix, 0, hop, None, PROTOCOL), f"route {prefix}"
    for endpoint, link in here:
        prefix = endpoint.prefix
        routes[prefix] = Route(prefix, link.index, None, wanted.gateway, PROTOCOL), endpoint.subject
        if endpoint.floating is not None:
            prefix = f"{endpoint.floating}/32"
            routes[prefix] = Route(prefix, link.index, None, wanted.gateway, PROTOCOL), floating(endpoint.floating)
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


def _remove_routes(result: Plan, observed: Observed, wanted: dict[str, tuple[Route, str]]) -> None:
    for prefix, there in observed.routes.items():
        keep = wanted[prefix][0] if prefix in wanted else None
        if keep is not None and keep not in there:
            continue  # the right one will take the place of a wrong one
        for route in there:
            if route.protocol == PROTOCOL and route != keep:
                result.changes.append(Change("remove", route, f"route {prefix}", f"route {prefix} removed"))


def _neighbours(result: Plan, observed: Observed, here: Iterable[tuple[Endpoint, Link]]) -> None:
    """Guests are permanent neighbours: none is asked for, none can claim to be another, no limit is reached."""
    wanted = {(link.index, endpoint.address): endpoint for endpoint, link in here}
    for key, neighbour in observed.neighbours.items():
        if key not in wanted:
            text = f"neighbour {neighbour.address} removed"
            result.changes.append(Change("remove", neighbour, f"neighbour {neighbour.address}", text))
    for (link, address), endpoint in wanted.items():
        found = observed.neighbours.get((link, address))
        if found is None or found.mac != endpoint.mac:
            text = f"neighbour {address} is {endpoint.mac} on {endpoint.interface}"
            neighbour = Neighbour(link, address, endpoint.mac)
            result.changes.append(Change("replace", neighbour, endpoint.subject, text))


def floating(address: str) -> str:
    """What a floating IP is called in reports."""
    return f"floating IP {address}"


def _proxies(result: Plan, wanted: Desired, observed: Observed, addresses: Collection[str]) -> None:
    """Floating IPs are on no interface, so the host answers for these where it has its own address."""
    link = next((item.link for item in observed.addresses if item.address == wanted.address), None)
    there = set() if link is None else {Proxy(link, address) for address in addresses}
    for proxy in sorted(observed.proxies - there, key=lambda item: item.address):
        text = f"no longer answered for on {observed.links[proxy.link].name}"
        result.changes.append(Change("remove", proxy, floating(proxy.address), text))
    for proxy in sorted(there - observed.proxies, key=lambda item: item.address):
        text = f"answered for on {observed.links[proxy.link].name}"
        result.changes.append(Change("add", proxy, floating(proxy.address), text))
    if link is None:
        message = f"no interface has the host's address {wanted.address}, so it leads nowhere; check the host's address"
        result.problems += [Problem(floating(address), message) for address in addresses]


def _are_set(found: dict[str, str]) -> bool:
    """Whether all of a tap's known parameters have the value they must have; quick, for the many that have."""
    return all(value == TAP_SYSCTLS[path[path.rindex("/") + 1 :]] for path, value in found.items())


def _sysctl(result: Plan, observed: Observed, wanted: Sysctl, subject: str) -> None:
    found = observed.sysctls.get(wanted.owner, {}).get(wanted.path)
    if found is not None and found != wanted.value:
        text = f"{wanted.path} {found} -> {wanted.value}"
        result.changes.append(Change("replace", wanted, subject, text))


def interesting_sysctls(wanted: Desired, observed: Observed) -> Iterator[tuple[str, Iterable[str]]]:
    """Owners and paths of all parameters whose value matters and is not known."""
    if HOST not in observed.sysctls:
        yield HOST, (IP_FORWARD,)
    for _, link in wired(observed, wanted.endpoints):
        if link.name not in observed.sysctls:
            yield link.name, tap_sysctls(link.name)
