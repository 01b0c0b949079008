"""Who is in which group, since when; and what that means for hosts whose groups name it.

Each change is a few statements, however many are in the group: rows of the one that comes or goes, and the generation
of the hosts that have to be told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from sqlalchemy import Connection, Select, delete, func, insert, select, tuple_, update

from romana.models import Endpoint, GroupMembers, Members, Permissions
from romana.store import resting
from romana.store.errors import NotFoundError
from romana.store.schema import departures, group_names, groups, hosts, memberships

KEPT = 10_000  # departures, or all whose addresses may rest; who has missed more is told everybody anew

Row = tuple[str, str]  # group, network


@dataclass(frozen=True, slots=True)
class Member:
    """An endpoint, as far as groups are concerned: as it is before a change."""

    id: str
    host_id: int
    address: IPv4Address
    permissions: Permissions

    @classmethod
    def of(cls, endpoint: Endpoint, host_id: int) -> Member:
        """An endpoint on the host of that id."""
        return cls(endpoint.id, host_id, endpoint.address, endpoint.permissions)

    def rows(self, permissions: Permissions) -> set[Row]:
        """Its memberships with those permissions."""
        networks = {str(IPv4Network(self.address)), *(str(pair.network) for pair in permissions.address_pairs)}
        return {(group, network) for group in permissions.groups or () for network in networks}


def groups_on(host_id: int) -> Select[*tuple[str]]:
    """The ids of the groups that endpoints of a host are in."""
    return select(memberships.c.group_id).where(memberships.c.host_id == host_id).distinct()


def change_memberships(connection: Connection, member: Member, after: Permissions, generation: int) -> None:
    """Have an endpoint, which has its row, be in the groups of other permissions. Raises NotFoundError."""
    before_rows, after_rows = member.rows(member.permissions), member.rows(after)
    came, gone = after_rows - before_rows, before_rows - after_rows
    new = {group for group, _ in after_rows} - {group for group, _ in before_rows}
    _check_groups(connection, new)
    if not came and not gone:
        return
    _wake_who_names(connection, {group for group, _ in came | gone}, generation)
    _rename(connection, member, new, generation)
    if gone:
        mine = memberships.c.endpoint_id == member.id
        connection.execute(delete(memberships).where(mine, _one_of(memberships, gone)))
        _note(connection, gone - _present(connection, gone), generation)
    if came:
        connection.execute(
            insert(memberships),
            [
                {
                    "group_id": group,
                    "endpoint_id": member.id,
                    "network": network,
                    "host_id": member.host_id,
                    "generation": generation,
                }
                for group, network in sorted(came)
            ],
        )


def members(connection: Connection, host: Any, after: int | None) -> Members:
    """The members of the groups that rules of a host's groups name: what is newer than `after`, or all.

    host: a row with id, names_generation, and `newest`, the generation of the store.
    """
    named = select(group_names.c.named).where(group_names.c.group_id.in_(groups_on(host.id))).distinct()
    rows = select(memberships.c.group_id, memberships.c.network).where(memberships.c.group_id.in_(named))
    if after is None or after > host.newest or after < host.names_generation or _is_forgotten(connection, after):
        return _answer(host.newest, True, connection.execute(rows.distinct()), ())
    left = select(departures.c.group_id, departures.c.network).where(
        departures.c.group_id.in_(named), departures.c.generation > after
    )
    gone = {(row.group_id, row.network) for row in connection.execute(left)}
    return _answer(
        host.newest,
        False,
        connection.execute(rows.where(memberships.c.generation > after).distinct()),
        gone - _present(connection, gone),
    )


def wake_members_hosts(connection: Connection, group: str, generation: int, *, names: bool) -> None:
    """The rules of a group have changed, for the hosts that have endpoints in it.

    names: whether they name groups that they did not name before.
    """
    there = select(memberships.c.host_id).where(memberships.c.group_id == group).distinct()
    values: dict[str, Any] = {"generation": generation}
    if names:
        values |= {"members_generation": generation, "names_generation": generation}
    connection.execute(update(hosts).where(hosts.c.id.in_(there)).values(values))


def _check_groups(connection: Connection, wanted: set[str]) -> None:
    if not wanted:
        return
    there = set(connection.execute(select(groups.c.id).where(groups.c.id.in_(wanted))).scalars())
    for missing in sorted(wanted - there):
        raise NotFoundError(f"there is no group {missing!r}; create it first", kind="group", group=missing)


def _wake_who_names(connection: Connection, changed: Iterable[str], generation: int) -> None:
    there = (
        select(memberships.c.host_id)
        .join(group_names, group_names.c.group_id == memberships.c.group_id)
        .where(group_names.c.named.in_(sorted(changed)))
        .distinct()
    )
    connection.execute(update(hosts).where(hosts.c.id.in_(there)).values(members_generation=generation))


def _rename(connection: Connection, member: Member, new: set[str], generation: int) -> None:
    """The first endpoint of a group on a host brings the groups that its rules name."""
    known = select(memberships.c.group_id).where(
        memberships.c.host_id == member.host_id, memberships.c.group_id == group_names.c.group_id
    )
    names = select(func.count()).where(group_names.c.group_id.in_(sorted(new)), ~known.exists())
    if new and connection.execute(names).scalar_one():
        values = {"members_generation": generation, "names_generation": generation}
        connection.execute(update(hosts).where(hosts.c.id == member.host_id).values(values))


def _one_of(table: Any, rows: set[Row]) -> Any:
    return tuple_(table.c.group_id, table.c.network).in_(sorted(rows))


def _present(connection: Connection, rows: set[Row]) -> set[Row]:
    """Those that some endpoint is in a group by."""
    if not rows:
        return set()
    there = select(memberships.c.group_id, memberships.c.network).where(_one_of(memberships, rows))
    return {(row.group_id, row.network) for row in connection.execute(there)}


def _note(connection: Connection, gone: set[Row], generation: int) -> None:
    at = resting.now()
    for group, text in sorted(gone):
        network = IPv4Network(text)
        address = int(network[0]) if network.num_addresses == 1 else None
        values = {"group_id": group, "network": text, "generation": generation, "address": address, "at": at}
        (number,) = connection.execute(insert(departures).values(values)).inserted_primary_key or (0,)
        if number > KEPT:
            _forget(connection, number - KEPT)


def _forget(connection: Connection, last: int) -> None:
    """The oldest departures up to that one, but for those whose addresses may still rest."""
    old = select(func.max(departures.c.id)).where(departures.c.id <= last, departures.c.at <= resting.since())
    if (number := connection.execute(old).scalar_one()) is not None:
        connection.execute(delete(departures).where(departures.c.id <= number))


def _is_forgotten(connection: Connection, after: int) -> bool:
    """Whether departures since then are no longer known."""
    oldest = connection.execute(
        select(departures.c.id, departures.c.generation).order_by(departures.c.id).limit(1)
    ).one_or_none()
    return oldest is not None and oldest.id > 1 and after < oldest.generation


def _answer(generation: int, whole: bool, added: Iterable[Any], removed: Iterable[Row]) -> Members:
    found: dict[str, tuple[list[IPv4Network], list[IPv4Network]]] = defaultdict(lambda: ([], []))
    for group, network in added:
        found[group][0].append(IPv4Network(network))
    for group, network in removed:
        found[group][1].append(IPv4Network(network))
    return Members(
        generation=generation,
        whole=whole,
        groups=[GroupMembers(id=group, added=came, removed=gone) for group, (came, gone) in sorted(found.items())],
    )
