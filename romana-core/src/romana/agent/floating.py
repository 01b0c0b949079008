"""Floating IPs in the firewall: elements of sets and maps, and rules whose number does not depend on them. Pure.

A packet to a floating IP gets the own address of its endpoint before it is routed, and one that the endpoint sends to
what is outside the plan leaves with the floating IP: who is inside is judged by their own addresses, who is outside by
theirs. An endpoint that asks a floating IP of its own host gets a source outside the plan, too: what is within the plan
may pass untracked, and an answer that does would never be translated back.
Segments keep nobody outside from a floating IP: it is there to be asked. Groups do.
Floating IPs of which only ports lead to endpoints are beside them: see `forwarding`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from romana.agent import forwarding
from romana.agent.connections import Connection
from romana.agent.desired import Desired
from romana.agent.traffic import Element

MAPS = {"floating": ("ipv4_addr",), "floated": ("ipv4_addr",)}  # floating IP -> endpoint's address, and the reverse
# Both, with whom single ports lead to; and the floating IPs of now and of before.
SETS = {"floats": ("ipv4_addr", "ipv4_addr"), "known_floats": ("ipv4_addr",)}

ASKED = "dnat ip to ip daddr map @floating"
# Of connections that were translated: those by a floating IP that is not the endpoint's any more.
ENDED = (
    "ct status snat ct reply ip daddr @known_floats ct reply ip daddr . ct original ip saddr != @floats drop",
    "ct status dnat ct original ip daddr @known_floats ct original ip daddr . ct reply ip saddr != @floats drop",
)
ASKING = "ct original ip daddr . ip daddr @floats goto asking_floating"
ANSWERING = "ct direction reply ct original ip daddr . ip saddr @floats goto floating_answers"


def asking(plan: str, source: str) -> tuple[str, ...]:
    """Rules for who asks an endpoint by its floating IP. source: the asker's segment, as an expression."""
    return (
        f"iifname != @taps ip saddr != {plan} goto groups",  # what was lent to an endpoint is not outside
        # As it was asked for: the port may be another one by now.
        f"{forwarding.WITH_PORTS}"
        f" {source} . ct original ip daddr . meta l4proto . ct original proto-dst @outward goto groups",
        f"meta l4proto != {{ tcp, udp }}"
        f" {source} . ct original ip daddr . meta l4proto . th dport @outward goto groups",
        "drop",
    )


def answers(error: str) -> tuple[str, ...]:
    """Rules for what an endpoint answers by its floating IP. error: which ICMP errors may pass, as an expression."""
    return ("ct state != related goto groups", f"{error} goto groups", "drop")


def errors_here(error: str, asker: str, source: str, service: str) -> tuple[str, ...]:
    """Rules for errors that endpoints of this host send each other, about what one asked of the other's floating IP.

    Args:
        error: which ICMP errors may pass, as an expression.
        asker: the segment of who asked, as an expression.
        source: the segment of who sends the error.
        service: what was asked for: protocol and port.
    """
    return (
        f"{error} ct direction reply ct original ip daddr . ip saddr @floats"
        f" {asker} . ct original ip daddr . {service} @outward goto groups",
        f"{error} ct direction original ct original ip daddr . ip daddr @floats"
        f" {source} . ct original ip daddr . {service} @outward goto groups",
    )


def leaving(plan: str) -> tuple[str, ...]:
    """Rules that give packets that leave the plan their source."""
    return (
        f"ip saddr {plan} ct status dnat ct original ip daddr . ip daddr @floats goto hairpin",
        # Who asks the metadata service is told by the endpoint's own address.
        "ct status dnat accept",
        f"ip daddr != {plan} snat ip to ip saddr map @floated",
    )


def hairpin(host: str) -> tuple[str, ...]:
    """Rules that give an endpoint that asks a floating IP of its own host its source. host: the host's own address."""
    return ("snat ip to ip saddr map @floated", f"snat ip to {host}")


def elements(wanted: Desired, before: Iterable[str], needed: Collection[str]) -> Mapping[str, frozenset[Element]]:
    """Elements of the sets and maps.

    Args:
        wanted: what the host must have.
        before: floating IPs that endpoints of this host had since it booted; connections by them may still be tracked.
        needed: addresses that the host needs itself: what of them is a floating IP is left out.
    """
    there = frozenset(
        (item.floating, item.address)
        for item in wanted.endpoints
        if item.floating is not None and item.floating not in needed
    )
    forwarded = forwarding.elements(wanted, needed)
    floats = there | forwarding.pairs(one for one in wanted.forwardings if one.address not in needed)
    return {
        "floating": there,
        "floats": floats,
        "floated": frozenset((own, address) for address, own in there),
        "known_floats": frozenset((address,) for address in {address for address, _ in floats} | set(before)),
        **forwarded,
    }


def differ(one: Mapping[str, frozenset[Element]], other: Mapping[str, frozenset[Element]]) -> bool:
    """Whether what they translate differs."""
    return any(one.get(name, frozenset()) != other.get(name, frozenset()) for name in (*MAPS, *SETS, "forwarded"))


@dataclass(frozen=True, slots=True)
class Translations:
    """How a new connection would be translated.

    owners: endpoints' own addresses, by floating IP. forwarded: an endpoint's own address and a port of it, by floating
    IP, protocol and port. known: all floating IPs of now and of before.
    """

    owners: Mapping[str, str]
    forwarded: Mapping[tuple[str, int, int], tuple[str, int]]
    known: Collection[str]

    @classmethod
    def of(cls, elements: Mapping[str, frozenset[Element]]) -> Translations:
        """As the elements of the sets and maps have it."""
        forwarded = {}
        for address, protocol, port, inside in elements["forwarded"]:
            endpoint, _, endpoint_port = inside.partition(" . ")
            forwarded[address, int(protocol), int(port)] = endpoint, int(endpoint_port)
        owners = dict((address, own) for address, own in elements["floating"])  # noqa: C402 - of two fields, for mypy
        return cls(owners, forwarded, {address for (address,) in elements["known_floats"]})

    def answerer(self, connection: Connection) -> tuple[str, int]:
        """Who would answer what a connection asked for, and at which port."""
        asked, port = connection.asked, connection.asked_port
        if asked in self.owners:
            return self.owners[asked], port
        return self.forwarded.get((asked, connection.protocol, port), (asked, port))


def is_outdated(connection: Connection, now: Translations) -> bool:
    """Whether a connection is translated otherwise than a new one would be. As long as it is tracked, it stays so."""
    asker, seen = connection.asker, connection.answered
    if connection.asked in now.known:
        answerer = (connection.answerer, connection.answerer_port)
        if answerer != now.answerer(connection):
            return True
    return seen in now.known and seen != asker and now.owners.get(seen) != asker
