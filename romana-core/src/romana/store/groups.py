"""Security groups: what their endpoints may begin, and what may begin with them."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from romana.models import Group, GroupPut
from romana.store.database import Unchanged
from romana.store.errors import InUseError, NotFoundError
from romana.store.memberships import wake_members_hosts
from romana.store.numbers import check_generation
from romana.store.schema import group_names, groups, memberships
from romana.store.store import Store, current_generation

_ENDPOINTS = (
    select(func.count(memberships.c.endpoint_id.distinct()))
    .where(memberships.c.group_id == groups.c.id)
    .correlate(groups)
    .scalar_subquery()
    .label("endpoints")
)
_GROUPS = select(groups, _ENDPOINTS).order_by(groups.c.id)


def list_groups(store: Store) -> list[Group]:
    """All groups by id. Raises UnavailableError, as everything here."""
    return store.database.read(lambda connection: [_group(row) for row in connection.execute(_GROUPS)])


def get_group(store: Store, identifier: str) -> Group:
    """Raises NotFoundError."""
    return store.database.read(lambda connection: _group(_find(connection, identifier)))


def put_group(store: Store, identifier: str, wanted: GroupPut, expected: int | None) -> tuple[Group, bool]:
    """The group as it is then, and whether it is new. Raises GenerationConflictError."""
    values = {
        "name": wanted.name,
        "project_id": wanted.project_id,
        "rules": json.dumps([rule.model_dump(mode="json", exclude_defaults=True) for rule in wanted.rules]),
    }
    named = {rule.remote_group for rule in wanted.rules if rule.remote_group is not None}

    def work(connection: Connection) -> tuple[Group, bool] | Unchanged[tuple[Group, bool]]:
        row = connection.execute(_GROUPS.where(groups.c.id == identifier)).one_or_none()
        generation = current_generation(connection)
        if row is None:
            connection.execute(insert(groups).values(id=identifier, generation=generation, **values))
            _name(connection, identifier, named)
            return Group(id=identifier, endpoints=0, generation=generation, **wanted.model_dump()), True
        check_generation(f"group {identifier}", row.generation, expected)
        if all(getattr(row, key) == value for key, value in values.items()):
            return Unchanged((_group(row), False))
        if row.rules != values["rules"]:
            mine = group_names.c.group_id == identifier
            before = set(connection.execute(select(group_names.c.named).where(mine)).scalars())
            wake_members_hosts(connection, identifier, generation, names=bool(named - before))
            connection.execute(delete(group_names).where(mine, group_names.c.named.in_(before - named)))
            _name(connection, identifier, named - before)
        connection.execute(update(groups).where(groups.c.id == identifier).values(generation=generation, **values))
        return _group(_find(connection, identifier)), False

    return store.database.write(work)


def delete_group(store: Store, identifier: str, expected: int | None) -> None:
    """Raises NotFoundError, GenerationConflictError and InUseError (endpoints are in it)."""

    def work(connection: Connection) -> None:
        row = _find(connection, identifier)
        check_generation(f"group {identifier}", row.generation, expected)
        if row.endpoints:
            raise InUseError(
                f"group {identifier} is in use: {row.endpoints} endpoint(s) are in it; take them out first",
                group=identifier,
                endpoints=row.endpoints,
            )
        connection.execute(delete(group_names).where(group_names.c.group_id == identifier))
        connection.execute(delete(groups).where(groups.c.id == identifier))

    store.database.write(work)


def _name(connection: Connection, identifier: str, named: set[str]) -> None:
    if named:
        connection.execute(insert(group_names), [{"group_id": identifier, "named": one} for one in sorted(named)])


def _find(connection: Connection, identifier: str) -> Any:
    row = connection.execute(_GROUPS.where(groups.c.id == identifier)).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no group {identifier!r}", kind="group", group=identifier)
    return row


def _group(row: Any) -> Group:
    return Group.model_validate(
        {
            "id": row.id,
            "name": row.name,
            "project_id": row.project_id,
            "rules": json.loads(row.rules),
            "endpoints": row.endpoints,
            "generation": row.generation,
        }
    )
