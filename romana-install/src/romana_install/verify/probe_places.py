"""Where the probes go: few of them, so placed that every kind of path is taken. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MOST_HOSTS = 8
HOSTS_OF_THE_OTHERS = 2

Segment = tuple[str, str]  # (tenant, segment)


@dataclass(frozen=True, slots=True)
class Spot:
    """A place for one probe."""

    host: str
    tenant: str
    segment: str


@dataclass(frozen=True, slots=True)
class Places:
    """The probes' places, and which segments play which part; None: the configuration has no such segment."""

    spots: tuple[Spot, ...]
    primary: Segment | None  # on every host that may have it, twice on the first
    sibling: Segment | None  # another segment of the same tenant
    stranger: Segment | None  # a segment of another tenant


def spread(hosts: Sequence[str], most: int = MOST_HOSTS) -> list[str]:
    """At most `most` of the hosts: the first, the last and evenly spaced ones between, in their order."""
    if len(hosts) <= most:
        return list(hosts)
    return [hosts[round(number * (len(hosts) - 1) / (most - 1))] for number in range(most)]


def choose(hosts: Sequence[str], segments: Sequence[Segment], owners: Mapping[str, str]) -> Places:
    """Place probes on `hosts` (all of them get one) in some of `segments`, preferring admin/s1, admin/s2 and demo/s1.

    Without hosts or segments there are no spots.

    Args:
        hosts: their names.
        segments: all there are.
        owners: tenants, of hosts that get probes of theirs only; one without segments gets none.
    """
    primary = _prefer(segments, ("admin", "s1"))
    if primary is None or not hosts:
        return Places((), None, None, None)
    tenant, name = primary
    sibling = _prefer([segment for segment in segments if segment[0] == tenant and segment != primary], ("admin", "s2"))
    strangers = [segment for segment in segments if segment[0] != tenant]
    stranger = _prefer(strangers, ("demo", "s1")) if strangers else None
    spots = [Spot(host, tenant, name) for host in _open_to(primary, hosts, owners)]
    spots[1:1] = spots[:1]
    for other in (sibling, stranger):
        if other is not None:
            spots += [Spot(host, *other) for host in _open_to(other, hosts, owners)[:HOSTS_OF_THE_OTHERS]]
    for host in sorted(set(hosts) - {spot.host for spot in spots}, key=hosts.index):
        own = _prefer([segment for segment in segments if segment[0] == owners[host]], primary)
        spots += [] if own is None else [Spot(host, *own)]
    return Places(tuple(spots), primary, sibling, stranger)


def _open_to(segment: Segment, hosts: Sequence[str], owners: Mapping[str, str]) -> list[str]:
    return [host for host in hosts if owners.get(host) in (None, segment[0])]


def _prefer(segments: Sequence[Segment], wish: Segment) -> Segment | None:
    """The wished segment, else one of that name, else the first; None when there is none."""
    same_name = [segment for segment in segments if segment[1] == wish[1]]
    return wish if wish in segments else next(iter([*same_name, *segments]), None)
