"""Endpoints as they are: looking them up, changing what may change, and giving their addresses back."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Any

from sqlalchemy import Connection, delete, select, update

from romana.models import Bandwidth, Endpoint, EndpointStatus, EndpointUpdate, Lease, Permissions
from romana.store.database import Unchanged
from romana.store.errors import NotFoundError
from romana.store.forwardings import leave_endpoint
from romana.store.memberships import Member, change_memberships
from romana.store.numbers import check_generation
from romana.store.schema import endpoints, hosts, segments, tenants
from romana.store.store import Store, current_generation, wake_host

WHOLE_ENDPOINT = (
    select(
        endpoints.c.id,
        endpoints.c.name,
        hosts.c.name.label("host"),
        tenants.c.name.label("tenant"),
        segments.c.name.label("segment"),
        endpoints.c.address,
        endpoints.c.mac,
        endpoints.c.interface,
        endpoints.c.status,
        endpoints.c.detail,
        endpoints.c.generation,
        endpoints.c.host_id,
        endpoints.c.permissions,
        endpoints.c.lease,
        endpoints.c.bandwidth,
    )
    .join_from(endpoints, hosts, hosts.c.id == endpoints.c.host_id)
    .join(segments, segments.c.id == endpoints.c.segment_id)
    .join(tenants, tenants.c.id == segments.c.tenant_id)
)
PARTS = {"permissions", "lease", "bandwidth"}  # what is given whole, and kept so
FILTERS = {
    "host": hosts.c.name,
    "tenant": tenants.c.name,
    "segment": segments.c.name,
    "interface": endpoints.c.interface,
    "address": endpoints.c.address,
}


def list_endpoints(store: Store, filters: dict[str, Any]) -> list[Endpoint]:
    """The endpoints that fit all filters (see FILTERS; addresses as integers), by address."""
    conditions = [FILTERS[name] == value for name, value in filters.items()]
    statement = WHOLE_ENDPOINT.where(*conditions).order_by(endpoints.c.address)
    return [to_endpoint(row) for row in store.database.read(lambda connection: connection.execute(statement).all())]


def get_endpoint(store: Store, identifier: str) -> Endpoint:
    """One endpoint. Raises NotFoundError."""
    return to_endpoint(store.database.read(lambda connection: find_endpoint(connection, identifier)))


def update_endpoint(store: Store, identifier: str, wanted: EndpointUpdate, expected: int | None) -> Endpoint:
    """Change what may change of an endpoint; with another MAC or interface, or enabled again, it is pending.

    Raises NotFoundError (also for a group) and GenerationConflictError.
    """
    given = wanted.model_dump(exclude_unset=True, exclude=PARTS)
    # Only the name can be taken away; null for the others means the same as leaving them out.
    values = {key: value for key, value in given.items() if value is not None or key == "name"}
    parts = {name: part for name in PARTS if (part := getattr(wanted, name)) is not None}
    values |= {name: kept(part) for name, part in parts.items()}

    def work(connection: Connection) -> Endpoint | Unchanged[Endpoint]:
        row = find_endpoint(connection, identifier)
        check_generation(f"endpoint {identifier}", row.generation, expected)
        changes = {key: value for key, value in values.items() if getattr(row, key) != value}
        if not changes:
            return Unchanged(to_endpoint(row))
        generation = current_generation(connection)
        before = to_endpoint(row)
        if changes.keys() - {"name"}:
            wake_host(connection, row.host_id, generation)
        if wanted.permissions is not None and "permissions" in changes:
            change_memberships(connection, Member.of(before, row.host_id), wanted.permissions, generation)
        if changes.keys() & {"mac", "interface"} or _is_switched(before.permissions, wanted.permissions):
            changes |= {"status": EndpointStatus.PENDING.value, "detail": None, "status_generation": generation}
        statement = update(endpoints).where(endpoints.c.id == identifier)
        connection.execute(statement.values(generation=generation, **changes))
        return to_endpoint(find_endpoint(connection, identifier))

    return store.database.write(work)


def delete_endpoint(store: Store, identifier: str, expected: int | None) -> None:
    """Give an endpoint's address back; no floating IP leads to it then.

    Raises NotFoundError, GenerationConflictError.
    """

    def work(connection: Connection) -> None:
        row = find_endpoint(connection, identifier)
        check_generation(f"endpoint {identifier}", row.generation, expected)
        # The host before its endpoints, as everywhere: see romana.store.applied.
        generation = current_generation(connection)
        wake_host(connection, row.host_id, generation)
        change_memberships(connection, Member.of(to_endpoint(row), row.host_id), Permissions(), generation)
        leave_endpoint(connection, identifier, generation)
        connection.execute(delete(endpoints).where(endpoints.c.id == identifier))

    store.database.write(work)


def _is_switched(before: Permissions, after: Permissions | None) -> bool:
    return after is not None and before.enabled != after.enabled


def find_endpoint(connection: Connection, identifier: str) -> Any:
    """The row of an endpoint. Raises NotFoundError."""
    row = connection.execute(WHOLE_ENDPOINT.where(endpoints.c.id == identifier)).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no endpoint {identifier!r}", kind="endpoint", endpoint=identifier)
    return row


def kept(said: Permissions | Lease | Bandwidth) -> str | None:
    """As the table has it."""
    return None if said == type(said)() else said.model_dump_json(exclude_defaults=True)


def permissions_of(row: Any) -> Permissions:
    """In a row with that column."""
    return Permissions() if row.permissions is None else Permissions.model_validate_json(row.permissions)


def lease_of(row: Any) -> Lease:
    """In a row with that column."""
    return Lease() if row.lease is None else Lease.model_validate_json(row.lease)


def bandwidth_of(row: Any) -> Bandwidth:
    """In a row with that column."""
    return Bandwidth() if row.bandwidth is None else Bandwidth.model_validate_json(row.bandwidth)


def to_endpoint(row: Any) -> Endpoint:
    """The endpoint in a row of WHOLE_ENDPOINT."""
    return Endpoint(
        id=row.id,
        name=row.name,
        host=row.host,
        tenant=row.tenant,
        segment=row.segment,
        address=IPv4Address(row.address),
        mac=row.mac,
        interface=row.interface,
        permissions=permissions_of(row),
        lease=lease_of(row),
        bandwidth=bandwidth_of(row),
        status=EndpointStatus(row.status),
        detail=row.detail,
        generation=row.generation,
    )
