"""Addresses that rest: they have left groups, and some host may not have heard of it yet.

Hosts know members of groups by their addresses. An address that is given to another endpoint while a host still has it
in the groups of the one before would be in these groups there. So it is given out only when each host's firewall has
what came after its departure. A host that does not say so within DEAD_AFTER no longer counts.
"""

from __future__ import annotations

import time

from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, func, or_, select

from romana.store.schema import META_ROW, departures, hosts, meta

DEAD_AFTER = 300  # seconds

_NEWEST = select(meta.c.generation).where(meta.c.id == META_ROW).scalar_subquery()
_HAS_ALL: ColumnElement[bool] = and_(
    hosts.c.applied_generation == hosts.c.generation, hosts.c.applied_members >= hosts.c.members_generation
)
# From before the database was set back, of an agent that does not say, or that has not what it says it has.
_SAYS_NOTHING: ColumnElement[bool] = or_(
    hosts.c.applied_members.is_(None),
    hosts.c.applied_members > _NEWEST,
    hosts.c.applied_generation > hosts.c.generation,
)
# State and members that a host has were once all that there was, so the later of the two says up to when it has all.
_CONFIRMED = case(
    (_SAYS_NOTHING, -1),
    (_HAS_ALL, _NEWEST),
    (hosts.c.applied_generation > hosts.c.applied_members, hosts.c.applied_generation),
    else_=hosts.c.applied_members,
)
# The host itself hears of the newcomer together with the departure, or later.
_OTHERS = hosts.c.id != bindparam("host_id")
_RESTING = (
    select(departures.c.address)
    .distinct()
    .where(
        departures.c.address.between(bindparam("first"), bindparam("last")),
        departures.c.at > bindparam("since"),
        departures.c.generation > bindparam("confirmed"),
    )
)
_ALL_CONFIRMED = select(func.min(_CONFIRMED)).where(_OTHERS)
_LAST = select(func.max(departures.c.generation)).where(departures.c.at > bindparam("since")).scalar_subquery()
_LATE = select(hosts.c.name).where(_OTHERS, _LAST > _CONFIRMED).order_by(hosts.c.number)
# When the last address left a group, by the clock and by generation: mostly so long ago that nothing rests.
_LAST_DEPARTURE = select(departures).order_by(departures.c.id.desc()).limit(1).subquery()
LAST_LEFT_AT = select(_LAST_DEPARTURE.c.at).scalar_subquery()
LAST_LEFT = select(_LAST_DEPARTURE.c.generation).scalar_subquery()


def now() -> int:
    """Milliseconds since 1970, as the store keeps times."""
    return int(time.time() * 1000)


def since() -> int:
    """When it was that hosts which have not said anything since are dead, in milliseconds since 1970."""
    return now() - DEAD_AFTER * 1000


def confirmed(connection: Connection, host_id: int) -> int | None:
    """Up to which generation all hosts but that one have everything; None: there is no other host."""
    found: int | None = connection.execute(_ALL_CONFIRMED, {"host_id": host_id}).scalar_one()
    return found


def resting(connection: Connection, first: int, last: int, after: int) -> set[int]:
    """Which addresses from first to last have left groups after that generation, lately."""
    values = {"first": first, "last": last, "since": since(), "confirmed": after}
    return set(connection.execute(_RESTING, values).scalars())


def late_hosts(connection: Connection, host_id: int) -> list[str]:
    """Names of the hosts, but for that one, that have not confirmed all departures."""
    return list(connection.execute(_LATE, {"host_id": host_id, "since": since()}).scalars())
