"""Floating IPs that are forwarded port by port, in the firewall: elements of sets and maps, and a few rules. Pure.

One host answers for such an address. What comes to it for an endpoint of another host it passes on as it is, so that
who asks is seen as who they are: a copy that is not tracked goes to the endpoint's host, by its address. That host
translates, and answers by itself. So a port's address is translated where a floating IP's is, and judged as there.

An endpoint of the host that answers, or that host itself, asks with an address that has to be answered to there. That
host translates then: to the endpoint's own address and port, and who asks to its own. The endpoint's host knows such
connections by `brought`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from romana.agent.desired import Desired, Forwarding
from romana.agent.traffic import Element

SERVICE = ("ipv4_addr", "inet_proto", "inet_service")  # an address, and what is asked for there
# The protocol and the first port in the header that an ICMP error has of what it is about: behind its own 8 bytes, if
# that header has no options.
ABOUT = "@th,136,8 . @th,224,16"
ABOUT_TYPE = f"ip daddr . {ABOUT} : ip daddr"

WITH_PORTS = "meta l4proto { tcp, udp }"  # which nft has to be told before it knows what ports are
ASKED = f"{WITH_PORTS} dnat ip to ip daddr . meta l4proto . th dport map @forwarded"
# What is not translated, as its endpoint is shut, would go back to the host that it has come from, and come again.
ASTRAY = "ip daddr @by_port fib daddr . iif oif exists drop"
# What an endpoint of this host asks of another host's, which is in `floats` as far as this host translates to it.
ASKING = "ct direction original ct state != related ct original ip daddr . ip daddr @floats goto asking_floating"
BROUGHT = "ip saddr . ip daddr . meta l4proto . th dport @brought goto groups"
ANSWERING = "ct direction reply ip daddr . ip saddr . meta l4proto . th sport @brought goto groups"


def brought_errors(error: str, service: str, direction: str) -> str:
    """Rule for ICMP errors about what another host has brought.

    Args:
        error: which of them may pass, as an expression.
        service: what was asked for: protocol and port.
        direction: to whom they go; original: to the endpoint, which has answered.
    """
    return (
        f"{error} ct direction {direction} ct original ip saddr . ct original ip daddr . {service} @brought goto groups"
    )


def leaving(prefix: str, host: str) -> str:
    """Rule that gives what this host brings to an endpoint of another its source.

    Args:
        prefix: this host's.
        host: its own address.
    """
    return f"ct status dnat ct original ip daddr . ip daddr @floats ip daddr != {prefix} snat ip to {host}"


def passing_on(error: str) -> tuple[str, ...]:
    """Rules that pass on what has come for endpoints of other hosts. error: which ICMP errors, as an expression."""
    return (
        f"iifname @front {WITH_PORTS} dup to ip daddr . meta l4proto . th dport map @passed_on drop",
        f"iifname @front {error} dup to ip daddr . {ABOUT} map @passed_on_errors drop",
    )


def pairs(forwardings: Iterable[Forwarding]) -> frozenset[Element]:
    """(floating IP, address of an endpoint that a port of it leads to)."""
    return frozenset((one.address, one.endpoint) for one in forwardings)


def elements(wanted: Desired, needed: Collection[str]) -> Mapping[str, frozenset[Element]]:
    """Elements of the sets and maps that judge. needed: addresses that the host needs itself, which are left out."""
    there = [one for one in wanted.forwardings if one.address not in needed]
    return {
        "forwarded": frozenset((*one.service, f"{one.endpoint} . {one.endpoint_port}") for one in there),
        "by_port": frozenset((address,) for address in wanted.by_port - set(needed)),
        "brought": frozenset(
            (one.answering, one.endpoint, one.protocol, one.endpoint_port) for one in there if one.answering is not None
        ),
    }


def passed_on(wanted: Desired, needed: Collection[str]) -> Mapping[str, frozenset[Element]]:
    """Elements of the maps that pass on: to the hosts of endpoints."""
    there = frozenset(
        (*one.service, one.host) for one in wanted.forwardings if one.host is not None and one.address not in needed
    )
    return {"passed_on": there, "passed_on_errors": there}
