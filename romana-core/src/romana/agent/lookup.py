"""What a host's firewall says of a conversation, looked up in its sets as its rules do, and where they differ. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from romana.addressing import AddressPlan
from romana.agent import floating
from romana.agent.ruleset import GROUP_SETS, Elements, ObservedTable, Table, shape
from romana.agent.traffic import Element
from romana.models import Direction

TRAFFIC_SETS = ("pairs", "flows", "inward", "outward")
ICMP = 1
CODES = 255


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asks for. ports: of protocols that have them; of ICMP, type and code in two bytes each."""

    protocol: int
    ports: tuple[int, int] | None

    @classmethod
    def of(cls, protocol: int, port: int | None, kind: tuple[int, int | None] | None) -> Asked:
        """From a protocol, and its port or its (type, code); a code of None is any."""
        if kind is not None:
            low, high = (0, CODES) if kind[1] is None else (kind[1], kind[1])
            return cls(protocol, ((kind[0] << 8) + low, (kind[0] << 8) + high))
        return cls(protocol, None if port is None else (port, port))

    def at(self, port: int | None) -> Asked:
        """The same at another port; None: at the same."""
        return self if port is None else Asked(self.protocol, (port, port))


@dataclass(frozen=True, slots=True)
class Found:
    """What the sets say. used: addresses, segment keys, profiles and classes that were looked up."""

    passes: bool
    used: frozenset[str]


def groups_say(elements: Elements, own: IPv4Address, other: IPv4Network, direction: Direction, asked: Asked) -> Found:
    """Whether the groups of an endpoint of the host let it pass, `direction` being the endpoint's."""
    address, peer = str(own), str(other.network_address)
    profile = _data(elements, direction.value, (address,))
    if profile is None:
        return Found(True, frozenset({address, peer}))
    found = _data(elements, "near", (profile, peer)) if other.num_addresses == 1 else None
    number = found or _far(elements, profile, other) or profile
    return Found(_lets(elements, number, asked), frozenset({address, peer, profile, number}))


def segments_say(
    elements: Elements, plan: AddressPlan, source: IPv4Network, target: IPv4Network, asked: Asked
) -> Found:
    """Whether segments and policies let it pass, by the host of the target, or of the source if the target has none."""
    one, other = (_key(plan, side) for side in (source, target))
    used = frozenset({one or str(source.network_address), other or str(target.network_address)})
    if one and other:
        flows = (item[2:] for item in elements.get("flows", ()) if item[:2] == (one, other))
        return Found((one, other) in elements.get("pairs", ()) or _any_serves(flows, asked), used)
    if other:
        inward = (item[2:] for item in elements.get("inward", ()) if item[1] == other and _holds(item[0], source))
        return Found(_any_serves(inward, asked), used)
    outward = (item[2:] for item in elements.get("outward", ()) if item[0] == one and _holds(item[1], target))
    return Found(_any_serves(outward, asked), used)


def leads(elements: Elements, floating_ip: IPv4Address, own: IPv4Address, port: int | None, asked: Asked) -> Found:
    """Whether a floating IP leads to an endpoint's own address: as a whole, or a port of it to one of the endpoint."""
    if port is None or asked.ports is None:
        whole = (str(floating_ip), str(own))
        return Found(whole in elements.get("floating", ()), frozenset(whole))
    inside = f"{own} . {port}"
    forwarded = (str(floating_ip), str(asked.protocol), str(asked.ports[0]), inside)
    return Found(forwarded in elements.get("forwarded", ()), frozenset({str(floating_ip), inside}))


def differences(table: Table, wanted: Elements, found: ObservedTable | None, used: Iterable[str]) -> list[str]:
    """In words: what of a table is not as it must be, of the elements with one of these fields."""
    if found is None:
        return [f"there is no table {table.family} romana: nothing keeps anything out"]
    said = []
    rules = sum(len(chain.rules) for chain in table.chains.values())
    if found.shape != shape(table) or len(found.rules) != rules:
        said.append(f"the table {table.family} romana has other sets, chains or rules than this release makes")
    fields = set(used)
    for name in (*TRAFFIC_SETS, *GROUP_SETS, *floating.MAPS, "forwarded"):
        must, there = wanted.get(name, frozenset()), found.elements.get(name, frozenset())
        for words, elements in (("lacks", must - there), ("has beside what it must have", there - must)):
            said += [
                f"{table.sets[name].kind} {name} {words}: {' . '.join(element)}"
                for element in sorted(elements)
                if fields & set(element)
            ]
    return said


def _data(elements: Mapping[str, frozenset[Element]], name: str, key: Element) -> str | None:
    return next((item[-1] for item in elements.get(name, ()) if item[:-1] == key), None)


def _far(elements: Elements, profile: str, other: IPv4Network) -> str | None:
    far = elements.get("far", ())
    return next((item[2] for item in far if item[0] == profile and _holds(item[1], other)), None)


def _lets(elements: Elements, number: str, asked: Asked) -> bool:
    if (number,) in elements.get("open", ()) or (number, str(asked.protocol)) in elements.get("protocols", ()):
        return True
    return _any_serves((item[1:] for item in elements.get("services", ()) if item[0] == number), asked)


def _any_serves(services: Iterable[Element], asked: Asked) -> bool:
    """Whether one of (protocol, ports) lets it pass."""
    ports = asked.ports if asked.ports is not None else (0, 65535)
    return any(
        _within((asked.protocol, asked.protocol), protocols) and _within(ports, there) for protocols, there in services
    )


def _within(wanted: tuple[int, int], interval: str) -> bool:
    low, _, high = interval.partition("-")
    return int(low) <= wanted[0] and wanted[1] <= int(high or low)


def _holds(interval: str, network: IPv4Network) -> bool:
    low, _, high = interval.partition("-")
    return IPv4Address(low) <= network[0] and network[-1] <= IPv4Address(high or low)


def _key(plan: AddressPlan, side: IPv4Network) -> str | None:
    """The key of an address's segment; None outside the plan."""
    if not side.subnet_of(plan.network):
        return None
    return str(IPv4Address(int(side[0]) & int(IPv4Address(plan.segment_mask))))
