"""Bandwidth limits as elements of the firewall: the number of rules depends on nothing users make. Pure.

A limit is an object of the table, a token bucket; a map for each direction leads from an endpoint's interface to its
own. What is more is dropped, not delayed: a queue of the tap's can delay only what is sent to a guest, and would be a
second mechanism with changes, events and repairs of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address

from romana.agent.desired import Endpoint
from romana.agent.traffic import Element
from romana.models import BandwidthLimit, Direction

LIMITS = "limits"  # what the elements that are limits are called here; nft has no set of them
LARGEST_PACKET = 64 * 1024  # bytes; what a guest's card or the host would cut into frames later
BYTES = 125  # in a kbit


def limits(endpoints: Iterable[Endpoint]) -> dict[str, frozenset[Element]]:
    """Elements: limits by their names, and of the maps (interface, name of a limit)."""
    maps: dict[Direction, dict[str, str]] = {direction: {} for direction in Direction}
    for endpoint in sorted(endpoints, key=lambda item: IPv4Address(item.address)):
        for direction, there in maps.items():
            limit: BandwidthLimit | None = getattr(endpoint.bandwidth, direction.value)
            if limit is not None:
                # While its address changes, an interface is of two endpoints.
                there[endpoint.interface] = name(direction, endpoint.interface, limit)
    return {
        LIMITS: frozenset((limit,) for there in maps.values() for limit in there.values()),
        **{f"{direction.value}_limits": frozenset(there.items()) for direction, there in maps.items()},
    }


def name(direction: Direction, interface: str, limit: BandwidthLimit) -> str:
    """What a limit is called. The kernel changes none, so one that says something else is another one."""
    return f"{direction.value}-{interface}-{limit.rate * BYTES}-{max(limit.burst * BYTES, LARGEST_PACKET)}"


def terms(limit: str) -> tuple[int, int]:
    """Bytes per second, and bytes at once beyond those of a second, of a limit of that name."""
    _, rate, burst = limit.rsplit("-", 2)
    return int(rate), int(burst)
