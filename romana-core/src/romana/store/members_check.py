"""Whether what is known of groups' members agrees with what endpoints and groups say themselves."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from pydantic import TypeAdapter
from sqlalchemy import Connection, select

from romana.models import GroupRule
from romana.store.endpoints import permissions_of
from romana.store.memberships import Member
from romana.store.schema import endpoints, group_names, groups, memberships

_RULES = TypeAdapter(list[GroupRule])
_MEMBERS = select(memberships.c.group_id, memberships.c.network, memberships.c.endpoint_id, memberships.c.host_id)
_ENDPOINTS = select(endpoints.c.id, endpoints.c.host_id, endpoints.c.address, endpoints.c.permissions)


def membership_findings(connection: Connection) -> list[str]:
    """Each contradiction in a sentence."""
    return [*_members(connection), *_names(connection)]


def _members(connection: Connection) -> Iterator[str]:
    known = {tuple(row) for row in connection.execute(_MEMBERS)}
    said = {
        (group, network, member.id, member.host_id)
        for row in connection.execute(_ENDPOINTS)
        for member in [Member(row.id, row.host_id, IPv4Address(row.address), permissions_of(row))]
        for group, network in member.rows(member.permissions)
    }
    for group, network, endpoint, _ in sorted(said - known):
        yield f"endpoint {endpoint} ({network}) is in group {group} and not among its members"
    for group, network, endpoint, _ in sorted(known - said):
        yield f"group {group} has {network} of endpoint {endpoint} as a member, which is not in it there"
    there = set(connection.execute(select(groups.c.id)).scalars())
    for missing in sorted({group for group, *_ in said} - there):
        yield f"endpoints are in group {missing}, which does not exist"


def _names(connection: Connection) -> Iterator[str]:
    known = {tuple(row) for row in connection.execute(select(group_names.c.group_id, group_names.c.named))}
    said = {
        (row.id, rule.remote_group)
        for row in connection.execute(select(groups.c.id, groups.c.rules))
        for rule in _RULES.validate_json(row.rules)
        if rule.remote_group is not None
    }
    for group, named in sorted(said - known):
        yield f"rules of group {group} name {named}, whose members its hosts are not told"
    for group, named in sorted(known - said):
        yield f"hosts of group {group} are told the members of {named}, which no rule of it names"
