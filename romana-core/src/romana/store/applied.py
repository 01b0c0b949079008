"""What agents report to have in place."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import Connection, Row, bindparam, exists, select, update

from romana.models import Applied
from romana.store.database import Unchanged
from romana.store.errors import NotFoundError
from romana.store.hosts import no_host
from romana.store.schema import DETAIL_LENGTH, endpoints, hosts
from romana.store.store import Store, current_generation, wake_all_hosts

_STATUS = (
    update(endpoints)
    .where(endpoints.c.id == bindparam("endpoint_id"))
    .values(
        status=bindparam("new_status"), detail=bindparam("new_detail"), status_generation=bindparam("new_generation")
    )
)
_SOME_OWNED = select(exists(select(hosts.c.id).where(hosts.c.owner_id.is_not(None))))


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

    A report that changes the status of an endpoint, or by which MAC others know the host, is a write with a generation
    of its own. Most change neither; for those the lock of the host is enough.

    Endpoints that are not this host's are ignored: they may have been deleted since. Raises NotFoundError.
    """

    def for_itself(connection: Connection) -> bool | Unchanged[bool | None] | None:
        row = _locked_host(connection, host)
        if _is_older(row, report):
            return Unchanged(False)
        if _another_mac(row, report) or _status_changes(connection, row.id, report):
            return Unchanged(None)  # which takes the common lock
        _keep(connection, row.id, report)
        return True

    def for_others(connection: Connection) -> bool | Unchanged[bool]:
        row = _locked_host(connection, host)
        if _is_older(row, report):
            return Unchanged(False)
        generation = current_generation(connection)
        if changes := _status_changes(connection, row.id, report):
            connection.execute(_STATUS, [change | {"new_generation": generation} for change in changes])
        if _another_mac(row, report):
            connection.execute(update(hosts).where(hosts.c.id == row.id).values(mac=report.mac))
            if connection.execute(_SOME_OWNED).scalar_one():
                wake_all_hosts(connection, generation)
        _keep(connection, row.id, report)
        return True

    # Everyone locks in the same order (meta, host, endpoints), so nobody waits in a circle: who finds, with the host
    # locked, that the common lock is needed as well lets go and begins again with that.
    kept = store.database.transaction(for_itself)
    return store.database.write(for_others) if kept is None else kept


def _locked_host(connection: Connection, host: str) -> Row[*tuple[Any, ...]]:
    """The host, locked. Raises NotFoundError."""
    columns = (hosts.c.id, hosts.c.generation, hosts.c.applied_generation, hosts.c.mac)
    locked = select(*columns).where(hosts.c.name == host)
    row = connection.execute(locked.with_for_update()).one_or_none()
    if row is None:
        raise no_host(host)
    return row


def _is_older(row: Row[*tuple[Any, ...]], report: Applied) -> bool:
    """Whether a report is older than what is known of the host."""
    known = row.applied_generation
    # A known generation ahead of the host's is from before the database was set back: it counts no more.
    return known is not None and report.generation < known <= row.generation


def _another_mac(row: Row[*tuple[Any, ...]], report: Applied) -> bool:
    """Whether the host speaks from another MAC than known; one that says none, for the moment, keeps it."""
    return report.mac not in (None, row.mac)


def _keep(connection: Connection, host_id: int, report: Applied) -> None:
    connection.execute(
        update(hosts)
        .where(hosts.c.id == host_id)
        .values(
            applied=report.model_dump_json(),
            applied_generation=report.generation,
            applied_members=report.members,
            applied_groups=report.groups,
            applied_group_members=report.group_members,
            applied_at=int(time.time() * 1000),
            applied_errors=len(report.errors),
        )
    )


def _status_changes(connection: Connection, host_id: int, report: Applied) -> list[dict[str, str | int | None]]:
    """Parameters of _STATUS, but for the generation."""
    stored = {
        row.id: (row.status, row.detail)
        for row in connection.execute(
            select(endpoints.c.id, endpoints.c.status, endpoints.c.detail).where(endpoints.c.host_id == host_id)
        )
    }
    changes: list[dict[str, str | int | None]] = []
    for endpoint in report.endpoints:
        detail = None if endpoint.detail is None else endpoint.detail[:DETAIL_LENGTH]
        if endpoint.id in stored and stored[endpoint.id] != (endpoint.status.value, detail):
            changes.append({"endpoint_id": endpoint.id, "new_status": endpoint.status.value, "new_detail": detail})
    return changes
