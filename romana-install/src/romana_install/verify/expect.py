"""What should be seen, and how what was seen differs from it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from romana.models import Endpoint, Host, PolicyCreate, Protocol
from romana.reachability import Party, allowed
from romana_install.verify.report import REACHABLE, UNREACHABLE, Cell

GATEWAY_INTERFACE = "romana-gw"

Route = Mapping[str, Any]  # as `ip -j route` prints it


@dataclass(frozen=True, slots=True)
class Question:
    """Can `source` begin a conversation with `target`? port: of tcp; None for icmp."""

    source: Endpoint
    target: Endpoint
    protocol: Protocol
    port: int | None = None

    def expected(self, policies: Iterable[PolicyCreate]) -> str:
        """What the segments and policies say."""
        yes = allowed(policies, Party.of(self.source), Party.of(self.target), self.protocol, self.port)
        return REACHABLE if yes else UNREACHABLE

    def as_target(self) -> dict[str, object]:
        """The question in the words of romana-probe's `reach`."""
        target: dict[str, object] = {"to": str(self.target.address), "protocol": self.protocol.value}
        return target if self.port is None else target | {"port": self.port}

    def observed(self, result: Mapping[str, Any]) -> str:
        """What a `reach` result says: an answer counts only when the right endpoint gave it."""
        if result["outcome"] != "reply":
            return UNREACHABLE
        name = result.get("name", self.target.name)
        return REACHABLE if name == self.target.name else f"answered by {name or 'something else'}"


def label(endpoint: Endpoint) -> str:
    """An endpoint in a report: host, tenant/segment, address."""
    return f"{endpoint.host} {endpoint.tenant}/{endpoint.segment} {endpoint.address}"


def full_matrix(endpoints: Sequence[Endpoint], port: int) -> list[Question]:
    """Every ordered pair of endpoints, by ping and by TCP to `port`."""
    return [
        Question(source, goal, protocol, protocol_port)
        for source in endpoints
        for goal in endpoints
        if source is not goal
        for protocol, protocol_port in ((Protocol.ICMP, None), (Protocol.TCP, port))
    ]


def to_cell(question: Question, policies: Iterable[PolicyCreate], result: Mapping[str, Any]) -> Cell:
    """A question with its expected and its observed answer."""
    return Cell(
        label(question.source),
        label(question.target),
        question.protocol.value,
        question.expected(policies),
        question.observed(result),
    )


def expected_hops(source: Host, target: Host, address: str) -> list[str | None]:
    """Who answers a traceroute from an endpoint of `source` to `address` on `target`.

    The gateway, then the endpoint; across hosts a blank between, as hosts' own addresses do not talk to endpoints.
    """
    across: list[str | None] = [] if source.name == target.name else [None]
    return [str(source.gateway), *across, address]


def next_hop(address: IPv4Address, routes: Iterable[Route]) -> str:
    """Where packets to another host go first: to the host itself, or to the router that leads to its network."""
    best, gateway = -1, str(address)
    for route in routes:
        if "type" in route:
            continue
        network = IPv4Network("0.0.0.0/0" if route["dst"] == "default" else route["dst"])
        if address in network and network.prefixlen > best:
            best, gateway = network.prefixlen, str(route.get("gateway", address))
    return gateway


def is_expected_path(expected: Sequence[str | None], seen: Sequence[str | None], routed: bool) -> bool:
    """Whether a traceroute went as it should. routed: routers are between the hosts, and may or may not say so."""
    if not routed:
        return list(seen) == list(expected)
    return len(seen) >= len(expected) and (seen[0], seen[-1]) == (expected[0], expected[-1])


def route_findings(
    network: IPv4Network,
    host: Host,
    hosts: Iterable[Host],
    there: Iterable[Endpoint],
    routes: Iterable[Route],
    coming_or_going: Collection[str] = (),
) -> list[str]:
    """How the routes of a node differ from what `host` should have, one sentence each; none when it is right.

    Args:
        network: the whole plan's; routes outside it are the user's and not looked at.
        host: whose routes these are.
        hosts: all hosts.
        there: the endpoints on `host` that are active.
        routes: as `ip -j route` prints them.
        coming_or_going: addresses that may or may not have a route, since they changed meanwhile.
    """
    wanted: dict[str, tuple[str | None, str | None]] = {str(host.prefix): (None, GATEWAY_INTERFACE)}
    routes = list(routes)
    wanted |= {str(peer.prefix): (next_hop(peer.address, routes), None) for peer in hosts if peer.name != host.name}
    wanted |= {str(endpoint.address): (None, endpoint.interface) for endpoint in there}
    found: dict[str, list[Route]] = {}
    for route in routes:
        if _is_within(str(route["dst"]), network):
            found.setdefault(str(route["dst"]), []).append(route)
    findings = []
    for destination, (gateway, device) in wanted.items():
        way = f"via {gateway}" if gateway else f"dev {device}"
        present = found.pop(destination, [])
        if not present:
            findings.append(f"no route to {destination} ({way})")
        findings += [
            f"route to {destination} goes {_way(route)}, not {way}"
            for route in present
            if route.get("gateway") != gateway or (device and route.get("dev") != device) or "type" in route
        ]
    for destination, present in found.items():
        if destination not in coming_or_going:
            findings += [f"a route that should not be: {destination} {_way(route)}" for route in present]
    return findings


def _is_within(destination: str, network: IPv4Network) -> bool:
    return destination != "default" and IPv4Network(destination).subnet_of(network)


def _way(route: Route) -> str:
    parts = [str(route["type"])] if "type" in route else []
    parts += [f"{word} {route[key]}" for word, key in (("via", "gateway"), ("dev", "dev")) if key in route]
    return " ".join(parts)
