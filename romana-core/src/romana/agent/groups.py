"""Security groups as elements of the firewall's sets and maps: the number of rules depends on nothing users make. Pure.

Endpoints with the same groups share a *profile* for each direction: a number, found by the endpoint's address. Profile
and the other side's address give a *class*, where rules name that side, else the profile is the class; and the class
says which protocols and ports pass. So a packet takes three or four look-ups, whatever there is, and who comes into a
group is one element for each profile that names it.
"""

from __future__ import annotations

import bisect
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network

from romana.agent.traffic import ALL_PORTS, Element, Interval, Services, addresses, cut, text
from romana.models import Direction, GroupRule, StateEndpoint, StateGroup, port_bounds

MAJOR = 0x7000  # numbers are kept in a packet's priority: nobody has queueing disciplines of these numbers
STEP = 16  # and none of its bands is chosen by the lowest four bits
NUMBERS = 1 << 24  # from MAJOR on, in steps

Members = Mapping[str, Iterable[IPv4Network]]  # of groups, by their ids


@dataclass(frozen=True, slots=True)
class Profiles:
    """Elements of the sets and maps.

    free: addresses of endpoints that groups have no say about. egress, ingress: (address, profile). egress_taps:
    (interface, profile of what it sends from other addresses). near: (profile, address, class). far: (profile,
    addresses, class). open: (class,), everything passes. protocols: (class, protocol). services: (class, protocol,
    ports); of ICMP type and code are the two bytes of the port.
    """

    free: frozenset[Element]
    egress: frozenset[Element]
    ingress: frozenset[Element]
    egress_taps: frozenset[Element]
    near: frozenset[Element]
    far: frozenset[Element]
    open: frozenset[Element]
    protocols: frozenset[Element]
    services: frozenset[Element]


@dataclass(slots=True)
class _Made:
    """What is made while profiles are worked out."""

    numbers: dict[str, str] = field(default_factory=dict)  # what a number stands for -> the number, as nft writes it
    taken: set[int] = field(default_factory=set)
    elements: dict[str, set[Element]] = field(
        default_factory=lambda: {name: set() for name in Profiles.__dataclass_fields__}
    )

    def number(self, meaning: str) -> str:
        """The number of a profile or class: always the same for the same meaning, unless two would have the same."""
        if meaning not in self.numbers:
            digest = hashlib.blake2s(meaning.encode(), digest_size=4).digest()
            found = int.from_bytes(digest) % NUMBERS
            while found in self.taken:
                found = (found + 1) % NUMBERS
            self.taken.add(found)
            value = (MAJOR << 16) + found * STEP
            self.numbers[meaning] = f"{value >> 16:x}:{value & 0xFFFF:x}"
        return self.numbers[meaning]

    def let(self, number: str, services: Services) -> None:
        """Have a class let these pass."""
        if services.everything:
            self.elements["open"].add((number,))
            return
        for protocol, ports in services.ports.items():
            if ports == [ALL_PORTS]:
                self.elements["protocols"].add((number, str(protocol)))
            else:
                self.elements["services"].update((number, str(protocol), text(interval)) for interval in ports)

    def class_of(self, services: Services) -> str:
        """The class that lets just these pass."""
        number = self.number(f"class {services.elements()}")
        self.let(number, services)
        return number


def profiles(endpoints: Iterable[StateEndpoint], groups: Iterable[StateGroup], members: Members) -> Profiles:
    """The groups' say on a host, for its endpoints. A group that is named and has no members lets nobody in."""
    rules = {group.id: group.rules for group in groups}
    made = _Made()
    there: set[tuple[Direction, tuple[str, ...]]] = set()
    # In one order on every run: numbers of two meanings that would be the same depend on it.
    for endpoint in sorted(endpoints, key=lambda item: item.address):
        names = endpoint.permissions.groups
        if names is None:
            made.elements["free"].add((str(endpoint.address),))
            continue
        ids = tuple(sorted(names))
        for direction in Direction:
            number = made.number(f"{direction.value} {' '.join(ids)}")
            made.elements[direction.value].add((str(endpoint.address), number))
            if (direction, ids) not in there:
                there.add((direction, ids))
                _profile(
                    made,
                    number,
                    [rule for one in ids for rule in rules.get(one, []) if rule.direction == direction],
                    members,
                )
            if direction is Direction.EGRESS and endpoint.permissions.address_pairs:
                made.elements["egress_taps"].add((endpoint.interface, number))
    return Profiles(**{name: frozenset(found) for name, found in made.elements.items()})


def _profile(made: _Made, number: str, rules: Iterable[GroupRule], members: Members) -> None:
    """Work out what the rules of one profile let pass."""
    base = Services()
    named: dict[str, Services] = {}
    networks: list[tuple[IPv4Network, Services]] = []
    for rule in rules:
        if rule.remote_group is not None:
            _add(named.setdefault(rule.remote_group, Services()), rule)
        elif rule.remotes is None:
            _add(base, rule)
        else:
            services = Services()
            _add(services, rule)
            networks += [(network, services) for network in rule.remotes]
    made.let(number, base)
    if base.everything:
        return
    single: dict[int, list[str]] = {}
    for group in named:
        for network in members.get(group, ()):
            if network.prefixlen == network.max_prefixlen:
                single.setdefault(int(network.network_address), []).append(group)
            else:
                networks.append((network, named[group]))
    pieces = cut(networks)
    for interval, services in pieces:
        services.update(base)
        made.elements["far"].add((number, addresses(interval), made.class_of(services)))
    _near(made, number, base, named, single, pieces)


def _near(
    made: _Made,
    number: str,
    base: Services,
    named: Mapping[str, Services],
    single: Mapping[int, list[str]],
    pieces: list[tuple[Interval, Services]],
) -> None:
    """Add the elements of single addresses: each has a class, of all groups that it is in and the network around it."""
    starts = [interval[0] for interval, _ in pieces]
    classes: dict[tuple[tuple[str, ...], int], str] = {}
    for address, names in single.items():
        place = bisect.bisect_right(starts, address) - 1
        if place >= 0 and address > pieces[place][0][1]:
            place = -1
        kind = (tuple(sorted(names)), place)
        if kind not in classes:
            services = Services()
            for more in (base, *(named[name] for name in names), *([pieces[place][1]] if place >= 0 else ())):
                services.update(more)
            classes[kind] = made.class_of(services)
        made.elements["near"].add((number, addresses((address, address)), classes[kind]))


def _add(services: Services, rule: GroupRule) -> None:
    if rule.ports is not None:
        services.add(rule.protocol, [port_bounds(rule.ports)])
    elif rule.icmp_type is not None:
        first = rule.icmp_type << 8
        code = (rule.icmp_code, rule.icmp_code) if rule.icmp_code is not None else (0, 255)
        services.add(rule.protocol, [(first + code[0], first + code[1])])
    else:
        services.add(rule.protocol, [])
