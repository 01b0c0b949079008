"""Generated rules of security groups: what Neutron's own firewall lets pass, and what ours does, packet by packet.

Guests with the same addresses and groups are on two networks: one has our agents, the other the iptables rules that
Neutron's code makes of the same groups. The same packets are sent on both.
"""

from __future__ import annotations

import itertools
import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from agent_lab import Guest, Lab
from calls import ICMP, OTHER, SCTP, TCP, UDP, Call, Calls, forget_connections, settle
from plain_network import PlainNetwork

from romana.models import Direction, GroupRule, Permissions

pytestmark = pytest.mark.root

GUESTS = 16  # on two nodes
PORTS = (5000, 5001, 5003, 5004)
SERVICES = (
    *((TCP, port) for port in PORTS),
    *((UDP, port) for port in PORTS),
    *((ICMP, port) for port in (8 << 8, (8 << 8) + 1, 13 << 8, 9 << 8, 40 << 8)),
    *((SCTP, port) for port in (5001, 5004)),
    (OTHER, 0),
)
PROTOCOLS: dict[str, dict[str, Any]] = {
    "any": {},
    "tcp": {"protocol": TCP, "ports": "5001-5003"},
    "udp": {"protocol": UDP, "ports": "5001"},
    "icmp": {"protocol": ICMP},
    "icmp type": {"protocol": ICMP, "icmp_type": 8},
    "icmp code": {"protocol": ICMP, "icmp_type": 8, "icmp_code": 1},
    "sctp": {"protocol": SCTP, "ports": "5001"},
    "number": {"protocol": OTHER},
}
REMOTES = ("any", "prefix", "group", "address group", "somebody else")
COMBINATIONS = list(itertools.product(Direction, PROTOCOLS, REMOTES))


@dataclass(frozen=True)
class Case:
    """A rule, as both have it. addresses: an address group's, of Neutron's side."""

    rule: GroupRule
    neutrons: dict[str, Any]
    addresses: list[str]


def made(name: str, direction: Direction, protocol: str, remote: str, guests: list[Guest], dice: random.Random) -> Case:
    """The rule of a combination; who the other side is, is chosen among the guests."""
    what = PROTOCOLS[protocol]
    remotes: list[str] = []
    if remote == "prefix":
        remotes = [dice.choice(["10.0.0.0/16", "10.1.0.0/16", "10.0.17.0/29", "10.1.17.4/30", "0.0.0.0/0"])]
    elif remote == "address group":
        remotes = [f"{guest.address}/32" for guest in dice.sample(guests, 3)] + ["10.1.17.0/29"]
    elif remote == "somebody else":
        remotes = [f"{dice.choice(guests).address}/32"]
    group = dice.choice(["members 0", "members 1"]).replace(" ", "-") if remote == "group" else None
    rule = GroupRule.model_validate({"direction": direction, **what, "remotes": remotes or None, "remote_group": group})
    low, _, high = what.get("ports", "").partition("-")
    neutrons = {
        "direction": direction.value,
        "ethertype": "IPv4",
        "protocol": {TCP: "tcp", UDP: "udp", ICMP: "icmp", SCTP: "sctp", OTHER: str(OTHER)}.get(
            what.get("protocol", 0)
        ),
        "port_range_min": what.get("icmp_type", int(low) if low else None),
        "port_range_max": what.get("icmp_code", int(high or low) if low else None),
        "remote_group_id": group,
        "remote_address_group_id": f"addresses-{name}" if remote == "address group" else None,
    }
    if remote in ("prefix", "somebody else"):
        side = "source_ip_prefix" if direction is Direction.INGRESS else "dest_ip_prefix"
        neutrons[side] = remotes[0]
    return Case(rule, {key: value for key, value in neutrons.items() if value is not None}, remotes)


def opposite(direction: Direction) -> Case:
    """A rule that lets all pass the other way."""
    other = Direction.EGRESS if direction is Direction.INGRESS else Direction.INGRESS
    return Case(GroupRule(direction=other), {"direction": other.value, "ethertype": "IPv4"}, [])


class Networks:
    """Both networks, with the same guests."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.guests = [lab.guest(number % 2, 1, 1) for number in range(GUESTS)]
        for guest in self.guests:
            guest.configure()
        self.plain = PlainNetwork(lab, self.guests)
        self.groups: dict[str, list[Case]] = {}

    def apply(self) -> None:
        """Have both networks do what the groups say."""
        self.lab.groups = {name: [case.rule for case in cases] for name, cases in self.groups.items()}
        self.lab.push()
        members = {
            name: [guest.address for guest in self.guests if name in (guest.permissions.groups or ())]
            for name in self.groups
        }
        members |= {
            case.neutrons["remote_address_group_id"]: case.addresses
            for cases in self.groups.values()
            for case in cases
            if "remote_address_group_id" in case.neutrons
        }
        self.plain.apply({name: [case.neutrons for case in cases] for name, cases in self.groups.items()}, members)

    def forget(self) -> None:
        """What has been sent before makes no difference."""
        for namespace in [*(node.namespace for node in self.lab.nodes), *self.plain.hosts]:
            forget_connections(namespace.name)

    def calls(self, tag: int) -> tuple[Calls, Calls]:
        """Sockets on ours, and on Neutron's."""
        addresses = [guest.address for guest in self.guests]
        ours = Calls(zip([guest.inside.name for guest in self.guests], addresses, strict=True), PORTS, tag)
        return ours, Calls(zip([one.name for one in self.plain.namespaces], addresses, strict=True), PORTS, tag)


def differences(what: str, ours: set[Call], neutrons: set[Call], networks: Networks) -> list[str]:
    """In words, for whoever has to find out why."""
    return [
        f"{what}: {'only ours' if call in ours else 'only Neutron'} lets pass"
        f" {call} from {networks.guests[call.source].permissions.groups}"
        f" to {networks.guests[call.target].permissions.groups}"
        for call in sorted(ours ^ neutrons)
    ]


def test_what_passes_is_what_neutron_lets_pass(make_lab: Callable[[int], Lab]) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    dice = random.Random(seed)  # noqa: S311 - it is to be the same again for the same seed
    networks = Networks(make_lab(2))
    combinations = dice.sample(COMBINATIONS, len(COMBINATIONS))
    found: list[str] = []
    verdicts = 0
    try:
        for tag, start in enumerate(range(0, len(combinations), GUESTS), 40000):
            found += compare(networks, combinations[start : start + GUESTS], tag, dice)
            verdicts += 3 * GUESTS * (GUESTS - 1) * len(SERVICES)
    finally:
        networks.plain.close()
    cases = 3 * 2 * len(combinations)
    print(f"{cases} cases (rule, direction, protocol, host, remote, state), {verdicts} verdicts")
    assert cases >= 400
    assert not found, f"seed {seed}: {len(found)} differences\n" + "\n".join(found[:40])


def compare(
    networks: Networks, combinations: list[tuple[Direction, str, str]], tag: int, dice: random.Random
) -> list[str]:
    """The differences, where each guest has the rule of one combination, some of them also that of another."""
    guests = networks.guests
    names = [f"g{number}" for number in range(len(combinations))]
    networks.groups = {"members-0": [], "members-1": []}
    for name, (direction, protocol, remote) in zip(names, combinations, strict=True):
        networks.groups[name] = [made(name, direction, protocol, remote, guests, dice), opposite(direction)]
    for guest, name in zip(guests, names, strict=True):
        more = [dice.choice(names)] if dice.random() < 0.3 else []
        wanted = {name, *more, dice.choice(["members-0", "members-1"])}
        guest.permissions = Permissions(groups=sorted(wanted))
    networks.apply()
    ours, neutrons = both = networks.calls(tag)
    found: list[str] = []
    try:
        pairs = list(itertools.permutations(range(GUESTS), 2))
        # Of a protocol without ports, what goes the other way would be an answer to what has come before.
        portless = [Call(*pair, OTHER, 0) for pair in pairs]
        back = [call for call in portless if call.source < call.target]
        forth = [
            *(Call(*pair, *service) for service in SERVICES for pair in pairs if service[0] != OTHER),
            *(call for call in portless if call.source > call.target),
        ]
        for asked in (back, forth):
            networks.forget()
            for calls in both:
                calls.begin(asked)
            settle(lambda: (ours.arrived, ours.answered) == (neutrons.arrived, neutrons.answered), list(both), 0.3, 6)
        found += differences("new", ours.arrived, neutrons.arrived, networks)
        found += differences("answer", ours.answered, neutrons.answered, networks)
        assert len(pairs) < len(ours.answered) < len(forth)
        answered = sorted((ours.answered & neutrons.answered) - set(back))
        for state in ("established", "rule gone"):
            if state == "rule gone":
                for name in names:
                    del networks.groups[name][0]
                networks.apply()
            for calls in both:
                calls.speak(answered)
            settle(lambda: ours.spoken == neutrons.spoken, list(both), 0.3, 6)
            found += differences(state, ours.spoken, neutrons.spoken, networks)
        return found
    finally:
        for calls in both:
            calls.close()
