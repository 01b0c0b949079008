"""What agents report to have in place."""

from __future__ import annotations

import time

from sqlalchemy import Connection, bindparam, select, update

from romana.models import Applied
from romana.store.database import Unchanged
from romana.store.errors import InvalidError, NotFoundError
from romana.store.hosts import no_host
from romana.store.schema import DETAIL_LENGTH, endpoints, hosts
from romana.store.store import Store

BIGGEST = 2**63 - 1  # what a BIGINT column holds

_STATUS = (
    update(endpoints)
    .where(endpoints.c.id == bindparam("endpoint_id"))
    .values(status=bindparam("new_status"), detail=bindparam("new_detail"))
)


def get_applied(store: Store, host: str) -> Applied:
    """The last report of the host's agent. Raises NotFoundError: no such host, or no report yet."""

    def work(connection: Connection) -> Applied:
        row = connection.execute(select(hosts.c.applied).where(hosts.c.name == host)).one_or_none()
        if row is None:
            raise no_host(host)
        if row.applied is None:
            raise NotFoundError(f"the agent of host {host} has not reported yet", kind="applied", name=host)
        return Applied.model_validate_json(row.applied)

    return store.database.read(work)


def put_applied(store: Store, host: str, report: Applied) -> bool:
    """Store a report and each endpoint's status; False when it was older than what is known, and left out.

    Endpoints that are not this host's are ignored: they may have been deleted since. Raises NotFoundError, and
    InvalidError when no generation can have that number.
    """
    if not 0 <= report.generation <= BIGGEST:
        raise InvalidError(f"generation {report.generation} is outside 0..{BIGGEST}; report the one of the state")

    def work(connection: Connection) -> bool:
        # The lock of the host is enough here. Other writers take it, too, before they touch the host's endpoints; so
        # everyone locks in the same order (meta, host, endpoints) and nobody waits in a circle.
        locked = select(hosts.c.id, hosts.c.generation, hosts.c.applied_generation).where(hosts.c.name == host)
        row = connection.execute(locked.with_for_update()).one_or_none()
        if row is None:
            raise no_host(host)
        known = row.applied_generation
        # A known generation ahead of the host's is from before the database was set back: it counts no more.
        if known is not None and report.generation < known <= row.generation:
            raise Unchanged(False)
        changes = _status_changes(connection, row.id, report)
        if changes:
            connection.execute(_STATUS, changes)
        connection.execute(
            update(hosts)
            .where(hosts.c.id == row.id)
            .values(
                applied=report.model_dump_json(),
                applied_generation=report.generation,
                applied_at=int(time.time() * 1000),
                applied_errors=len(report.errors),
            )
        )
        return True

    return store.database.transaction(work)


def _status_changes(connection: Connection, host_id: int, report: Applied) -> list[dict[str, str | None]]:
    stored = {
        row.id: (row.status, row.detail)
        for row in connection.execute(
            select(endpoints.c.id, endpoints.c.status, endpoints.c.detail).where(endpoints.c.host_id == host_id)
        )
    }
    changes: list[dict[str, str | None]] = []
    for endpoint in report.endpoints:
        detail = None if endpoint.detail is None else endpoint.detail[:DETAIL_LENGTH]
        if endpoint.id in stored and stored[endpoint.id] != (endpoint.status.value, detail):
            changes.append({"endpoint_id": endpoint.id, "new_status": endpoint.status.value, "new_detail": detail})
    return changes
