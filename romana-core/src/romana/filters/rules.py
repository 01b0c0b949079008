"""Chains of packet filters, however they were made, and what becomes of a packet in them. Pure.

Not everything that a rule can ask is known here. A condition is met, is not, or may be; so a packet is let through, is
dropped, or may be either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Network

VIRTUAL = ("lo", "docker", "br-", "virbr", "veth", "lxc", "lxd", "podman", "cni", "wg", "tun")
BROADCAST = IPv4Network("255.255.255.255/32")
NUMBERS = {"1": "icmp", "6": "tcp", "17": "udp", "58": "ipv6-icmp"}


@dataclass(frozen=True)
class Packet:
    """A packet that has to pass. incoming, outgoing: interfaces; empty for one of the machine's own that is not known.

    source, target: all addresses it may have; local: whether the target is the machine itself. It has no mark, and is
    the first of its connection unless `answers`.
    """

    source: IPv4Network
    target: IPv4Network
    incoming: str = ""
    outgoing: str = ""
    protocol: str = "tcp"
    source_port: int = 49999
    target_port: int = 49998
    answers: bool = False
    local: bool = False

    @property
    def target_type(self) -> str:
        """What the machine's routes make of the target."""
        return "broadcast" if self.target == BROADCAST else "local" if self.local else "unicast"


@dataclass(frozen=True)
class Condition:
    """That a property of a packet has one of some values, or none of them. An unknown property: it may.

    values: names (which may end in *), networks, or ranges of ports, as fits the property.
    """

    key: str
    values: tuple[str | IPv4Network | range, ...] = ()
    negated: bool = False

    def met(self, packet: Packet) -> bool | None:
        """Whether a packet meets it; None when that is not known."""
        known = self._has(packet)
        return known if known is None else known != self.negated

    def _has(self, packet: Packet) -> bool | None:
        match self.key:
            case "incoming" | "outgoing":
                return _is_interface(packet.incoming if self.key == "incoming" else packet.outgoing, self.values)
            case "source" | "target":
                return _is_within(packet.source if self.key == "source" else packet.target, self.values)
            case "source port" | "target port":
                port = packet.source_port if self.key == "source port" else packet.target_port
                return any(port in value for value in self.values if isinstance(value, range))
        named = _named(packet).get(self.key)
        return None if named is None else named in {NUMBERS.get(str(value), value) for value in self.values}


def _named(packet: Packet) -> dict[str, str]:
    """The packet's properties that have names."""
    return {
        "protocol": packet.protocol,
        "state": "established" if packet.answers else "new",
        "direction": "reply" if packet.answers else "original",
        "target type": packet.target_type,
        "mark": "0",
        "family": "ipv4",
        "translated": "no",
    }


UNKNOWN = Condition("unknown")


class Effect(Enum):
    """What a rule does with a packet that meets its conditions."""

    NONE = "none"
    ACCEPT = "accept"
    DROP = "drop"
    RETURN = "return"
    JUMP = "jump"
    GOTO = "goto"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Rule:
    """Conditions, all of which must be met, and an effect. to: the chain of a jump or goto."""

    conditions: tuple[Condition, ...]
    effect: Effect
    to: str = ""


@dataclass(frozen=True)
class Chain:
    """Rules in their order. hook, policy: of a chain that packets enter by itself, else empty."""

    rules: tuple[Rule, ...]
    hook: str = ""
    policy: str = ""


@dataclass(frozen=True)
class Filter:
    """A table: its name as nft lists it, with family; how it was made (nft or iptables); its chains by name."""

    name: str
    kind: str
    chains: Mapping[str, Chain]


class Fate(Enum):
    """What becomes of a packet in a chain."""

    PASSES = "passes"
    MAY_DROP = "may drop"
    POLICY_DROPS = "policy drops"
    RULE_DROPS = "rule drops"


def fate(table: Filter, name: str, packet: Packet) -> Fate:
    """What becomes of a packet that enters a table by one of its chains."""
    chain = table.chains[name]
    ends = _walk(table, chain.rules, packet, (name,))
    by_policy = Effect.RETURN in ends and chain.policy == "drop"
    if not by_policy and Effect.DROP not in ends:
        return Fate.PASSES
    if Effect.ACCEPT in ends or (Effect.RETURN in ends and not by_policy):
        return Fate.MAY_DROP
    return Fate.POLICY_DROPS if by_policy else Fate.RULE_DROPS


def _walk(table: Filter, rules: Sequence[Rule], packet: Packet, way: tuple[str, ...]) -> set[Effect]:
    """How the packet may leave the rules: accepted, dropped, or by their end. way: the chains it came through."""
    ends: set[Effect] = set()
    for rule in rules:
        met = _all_met(rule.conditions, packet)
        if met is False or rule.effect is Effect.NONE:
            continue
        here = _ends(table, rule, packet, way)
        ends |= here - {Effect.NONE}
        if met and Effect.NONE not in here:
            return ends
    return ends | {Effect.RETURN}


def _ends(table: Filter, rule: Rule, packet: Packet, way: tuple[str, ...]) -> set[Effect]:
    """What a rule may do; NONE: the next rule is asked."""
    if rule.effect is Effect.UNKNOWN:
        return {Effect.ACCEPT, Effect.DROP, Effect.NONE}
    if rule.effect not in (Effect.JUMP, Effect.GOTO):
        return {rule.effect}
    if rule.to not in table.chains or rule.to in way:
        return {Effect.ACCEPT, Effect.DROP, Effect.NONE}
    ends = _walk(table, table.chains[rule.to].rules, packet, (*way, rule.to))
    if rule.effect is Effect.GOTO or Effect.RETURN not in ends:
        return ends
    return (ends - {Effect.RETURN}) | {Effect.NONE}


def _all_met(conditions: Sequence[Condition], packet: Packet) -> bool | None:
    answers = [condition.met(packet) for condition in conditions]
    return False if False in answers else None if None in answers else True


def _is_interface(name: str, values: Sequence[object]) -> bool | None:
    patterns = [str(value) for value in values]
    if name:
        return any(name.startswith(one[:-1]) if one.endswith("*") else name == one for one in patterns)
    if "*" in patterns:
        return True
    return False if all(one.startswith(VIRTUAL) for one in patterns) else None


def _is_within(network: IPv4Network, values: Sequence[object]) -> bool | None:
    networks = [value for value in values if isinstance(value, IPv4Network)]
    if any(network.subnet_of(value) for value in networks):
        return True
    return None if any(network.overlaps(value) for value in networks) or len(networks) < len(values) else False
