"""What may pass, as disjoint elements for the firewall's sets. Pure.

Policies may overlap in any way; nftables refuses intervals that overlap. So everything allowed between two sides is
collected first and cut into pieces that do not overlap.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network

from romana.addressing import AddressPlan
from romana.models import Protocol, Selector, StateRule, StateSegment

Interval = tuple[int, int]  # inclusive
Element = tuple[str, ...]  # the fields of one element of an nftables set, as nft writes them

ALL_PORTS: Interval = (0, 65535)
ALL_PROTOCOLS: Interval = (0, 255)
NUMBERS = {Protocol.ICMP: 1, Protocol.TCP: 6, Protocol.UDP: 17}


@dataclass(frozen=True, slots=True)
class Traffic:
    """Elements of the sets that say what may pass.

    pairs: (source key, target key), everything from one segment to another. flows: (source key, target key, protocol,
    ports). inward: (addresses outside the plan, target key, protocol, ports). outward: (source key, addresses outside
    the plan, protocol, ports).
    """

    pairs: frozenset[Element]
    flows: frozenset[Element]
    inward: frozenset[Element]
    outward: frozenset[Element]


@dataclass(slots=True)
class Services:
    """A set of (protocol, port); `everything` stands for all protocols, also those without ports."""

    everything: bool = False
    ports: dict[int, list[Interval]] = field(default_factory=dict)

    def add(self, protocol: int | None, ports: Iterable[Interval]) -> None:
        """Allow a protocol, by its number, on these ports; no ports mean all of them, no protocol everything."""
        if protocol is None:
            self.everything = True
            return
        self.ports[protocol] = merge([*self.ports.get(protocol, []), *(list(ports) or [ALL_PORTS])])

    def update(self, other: Services) -> None:
        """Allow what `other` allows, too."""
        self.everything = self.everything or other.everything
        for number, ports in other.ports.items():
            self.ports[number] = merge([*self.ports.get(number, []), *ports])

    def elements(self) -> list[tuple[str, str]]:
        """Disjoint (protocol, ports)."""
        if self.everything:
            return [(text(ALL_PROTOCOLS), text(ALL_PORTS))]
        return [(str(number), text(interval)) for number, ports in sorted(self.ports.items()) for interval in ports]


def merge(intervals: Iterable[Interval]) -> list[Interval]:
    """The same numbers in ascending intervals that neither overlap nor touch."""
    merged: list[Interval] = []
    for low, high in sorted(intervals):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return merged


def text(interval: Interval) -> str:
    """(80, 80) -> '80', (80, 90) -> '80-90'."""
    low, high = interval
    return str(low) if low == high else f"{low}-{high}"


def addresses(interval: Interval) -> str:
    """The same for addresses: '192.168.0.0-192.168.0.255'."""
    low, high = interval
    return str(IPv4Address(low)) if low == high else f"{IPv4Address(low)}-{IPv4Address(high)}"


def cut(allowed: Iterable[tuple[IPv4Network, Services]]) -> list[tuple[Interval, Services]]:
    """Disjoint address intervals, ascending, each with all that any network around it allows."""
    spans = [(int(network[0]), int(network[-1]), services) for network, services in allowed]
    bounds = sorted({low for low, _, _ in spans} | {high + 1 for _, high, _ in spans})
    pieces: list[tuple[Interval, Services]] = []
    for low, after in itertools.pairwise(bounds):
        services = Services()
        covered = False
        for first, last, more in spans:
            if first <= low and after - 1 <= last:
                services.update(more)
                covered = True
        if not covered:
            continue
        if pieces and pieces[-1][0][1] + 1 == low and pieces[-1][1].elements() == services.elements():
            pieces[-1] = ((pieces[-1][0][0], after - 1), services)
        else:
            pieces.append(((low, after - 1), services))
    return pieces


def traffic(plan: AddressPlan, segments: Iterable[StateSegment], rules: Iterable[StateRule]) -> Traffic:
    """All that may pass: each segment within itself, and what the rules open."""
    own = [str(plan.segment_key(item.tenant, item.segment)) for item in segments]
    between: dict[Element, Services] = {(key, key): Services(everything=True) for key in own}
    inward: dict[str, list[tuple[IPv4Network, Services]]] = {}
    outward: dict[str, list[tuple[IPv4Network, Services]]] = {}
    for rule in rules:
        services = Services()
        services.add(NUMBERS.get(rule.protocol), rule.ports)
        source, target = _key(plan, rule.source), _key(plan, rule.target)
        if source is not None and target is not None:
            between.setdefault((source, target), Services()).update(services)
        elif source is None and target is not None and rule.source.cidr is not None:
            inward.setdefault(target, []).append((rule.source.cidr, services))
        elif source is not None and target is None and rule.target.cidr is not None:
            outward.setdefault(source, []).append((rule.target.cidr, services))
    return Traffic(
        pairs=frozenset(pair for pair, services in between.items() if services.everything),
        flows=frozenset(
            (*pair, *service)
            for pair, services in between.items()
            if not services.everything
            for service in services.elements()
        ),
        inward=frozenset((outside, key, *service) for key, outside, service in _with_cidr(inward)),
        outward=frozenset((key, outside, *service) for key, outside, service in _with_cidr(outward)),
    )


def _key(plan: AddressPlan, side: Selector) -> str | None:
    if side.tenant is None or side.segment is None:
        return None
    return str(plan.segment_key(side.tenant, side.segment))


def _with_cidr(
    allowed: Mapping[str, list[tuple[IPv4Network, Services]]],
) -> Iterable[tuple[str, str, tuple[str, str]]]:
    for key, networks in allowed.items():
        for interval, services in cut(networks):
            for service in services.elements():
                yield key, addresses(interval), service
