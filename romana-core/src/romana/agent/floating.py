"""Floating IPs in the firewall: elements of sets and maps, and rules whose number does not depend on them. Pure.

A packet to a floating IP gets the own address of its endpoint before it is routed, and one that the endpoint sends to
what is outside the plan leaves with the floating IP: who is inside is judged by their own addresses, who is outside by
theirs. An endpoint that asks a floating IP of its own host gets a source outside the plan, too: what is within the plan
may pass untracked, and an answer that does would never be translated back.
Segments keep nobody outside from a floating IP: it is there to be asked. Groups do.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from romana.agent.connections import Connection
from romana.agent.desired import Endpoint
from romana.agent.traffic import Element

MAPS = {"floating": ("ipv4_addr",), "floated": ("ipv4_addr",)}  # floating IP -> endpoint's address, and the reverse
SETS = {"floats": ("ipv4_addr", "ipv4_addr"), "known_floats": ("ipv4_addr",)}  # both; those of now and of before

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
        f"{source} . ct original ip daddr . meta l4proto . th dport @outward goto groups",
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


def elements(
    endpoints: Iterable[Endpoint], before: Iterable[str], needed: Collection[str]
) -> Mapping[str, frozenset[Element]]:
    """Elements of the sets and maps.

    Args:
        endpoints: those of this host.
        before: floating IPs that endpoints of this host had since it booted; connections by them may still be tracked.
        needed: addresses that the host needs itself: what of them is a floating IP is left out.
    """
    there = frozenset(
        (item.floating, item.address) for item in endpoints if item.floating is not None and item.floating not in needed
    )
    return {
        "floating": there,
        "floats": there,
        "floated": frozenset((own, address) for address, own in there),
        "known_floats": frozenset((address,) for address in {address for address, _ in there} | set(before)),
    }


def differ(one: Mapping[str, frozenset[Element]], other: Mapping[str, frozenset[Element]]) -> bool:
    """Whether what they translate differs."""
    return any(one.get(name, frozenset()) != other.get(name, frozenset()) for name in (*MAPS, *SETS))


def is_outdated(connection: Connection, owners: Mapping[str, str], known: Collection[str]) -> bool:
    """Whether a connection is translated otherwise than a new one would be. As long as it is tracked, it stays so.

    Args:
        connection: it.
        owners: the endpoints' own addresses, by floating IP.
        known: all floating IPs of now and of before.
    """
    asked, asker, seen = connection.asked, connection.asker, connection.answered
    if asked in known and connection.answerer != owners.get(asked, asked):
        return True
    return seen in known and seen != asker and owners.get(seen) != asker
