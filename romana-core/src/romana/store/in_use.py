"""What keeps hosts, tenants and segments from being deleted."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, RowMapping, select

from romana.store.errors import InUseError
from romana.store.schema import policies


def check_no_endpoints(row: RowMapping, what: str, **names: str) -> None:
    """Raises InUseError when what the row is about has endpoints. names: details of the error."""
    if count := row["endpoints"]:
        message = f"{what} is in use: it has {count} endpoint(s); delete them first"
        raise InUseError(message, **names, endpoints=count)


def check_no_policy(connection: Connection, naming: ColumnElement[bool], what: str, **names: str) -> None:
    """Raises InUseError when there are policies of that condition. names: details of the error."""
    statement = select(policies.c.name).where(naming).order_by(policies.c.name)
    if found := connection.execute(statement).scalars().all():
        message = f"{what} is in use: named by policy {', '.join(found)}; delete the policy first"
        raise InUseError(message, **names, policies=list(found))
