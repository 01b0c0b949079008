"""Segments of tenants: each has one number of the plan within its tenant."""

from __future__ import annotations

from sqlalchemy import Connection, RowMapping, delete, func, insert, or_, select

from romana.models import Segment, SegmentCreate
from romana.store.database import Unchanged
from romana.store.errors import ConflictError, NotFoundError, SegmentsExhaustedError
from romana.store.in_use import check_no_endpoints, check_no_policy
from romana.store.numbers import check_generation, lowest_free
from romana.store.router_segments import take_out
from romana.store.schema import endpoints, policies, segments, tenants
from romana.store.store import Store, current_generation, wake_all_hosts
from romana.store.tenants import find_tenant

_COLUMNS = (
    segments.c.id,
    segments.c.name,
    segments.c.number,
    segments.c.network_id,
    segments.c.generation,
    select(func.count())
    .select_from(endpoints)
    .where(endpoints.c.segment_id == segments.c.id)
    .correlate(segments)
    .scalar_subquery()
    .label("endpoints"),
)


def list_segments(store: Store, tenant: str) -> list[Segment]:
    """The tenant's segments by number. Raises NotFoundError."""

    def work(connection: Connection) -> list[Segment]:
        owner = find_tenant(connection, tenant)
        statement = select(*_COLUMNS).where(segments.c.tenant_id == owner["id"]).order_by(segments.c.number)
        return [_segment(tenant, row) for row in connection.execute(statement).mappings()]

    return store.database.read(work)


def list_all_segments(store: Store, network_id: str | None = None) -> list[Segment]:
    """The segments of all tenants, by tenant and number, or only that of a network."""
    statement = (
        select(*_COLUMNS, tenants.c.name.label("tenant"))
        .join(tenants, segments.c.tenant_id == tenants.c.id)
        .order_by(tenants.c.number, segments.c.number)
    )
    if network_id is not None:
        statement = statement.where(segments.c.network_id == network_id)
    return store.database.read(
        lambda connection: [_segment(row["tenant"], row) for row in connection.execute(statement).mappings()]
    )


def get_segment(store: Store, tenant: str, name: str) -> Segment:
    """Raises NotFoundError."""
    return store.database.read(lambda connection: _segment(tenant, find_segment(connection, tenant, name)))


def create_segment(store: Store, tenant: str, wanted: SegmentCreate) -> tuple[Segment, bool]:
    """The segment, and whether it is new.

    Raises NotFoundError (tenant), ConflictError (it exists with another network, or the network has another segment)
    and SegmentsExhaustedError.
    """
    allowed = store.plan.segments

    def work(connection: Connection) -> tuple[Segment, bool] | Unchanged[tuple[Segment, bool]]:
        owner = find_tenant(connection, tenant)
        known = connection.execute(select(*_COLUMNS).where(segments.c.tenant_id == owner["id"])).mappings().all()
        for row in known:
            if row["name"] == wanted.name:
                return Unchanged((_same(_segment(tenant, row), wanted), False))
        if wanted.network_id is not None:
            _check_network(connection, wanted.network_id)
        number = lowest_free(allowed, (row["number"] for row in known))
        if number is None:
            raise SegmentsExhaustedError(
                f"no number is left for segment {wanted.name} of tenant {tenant}: all {len(allowed)} of the address"
                " plan are taken; delete a segment, or use a plan with more segment_bits",
                tenant=tenant,
                segment=wanted.name,
                capacity=len(allowed),
            )
        generation = current_generation(connection)
        segment = Segment(**wanted.model_dump(), tenant=tenant, number=number, endpoints=0, generation=generation)
        values = segment.model_dump(exclude={"tenant", "endpoints"})
        connection.execute(insert(segments).values(tenant_id=owner["id"], **values))
        wake_all_hosts(connection, generation)
        return segment, True

    return store.database.write(work)


def delete_segment(store: Store, tenant: str, name: str, expected: int | None) -> None:
    """Delete a segment; routers that join it join the others still.

    Raises NotFoundError, GenerationConflictError and InUseError (it has endpoints, or a policy names it).
    """

    def work(connection: Connection) -> None:
        row = find_segment(connection, tenant, name)
        check_generation(f"segment {tenant}/{name}", row["generation"], expected)
        check_no_endpoints(row, f"segment {tenant}/{name}", tenant=tenant, segment=name)
        naming = or_(policies.c.source_segment_id == row["id"], policies.c.target_segment_id == row["id"])
        check_no_policy(connection, naming, f"segment {tenant}/{name}", tenant=tenant, segment=name)
        take_out(connection, segments.c.id == row["id"])
        connection.execute(delete(segments).where(segments.c.id == row["id"]))
        wake_all_hosts(connection, current_generation(connection))

    store.database.write(work)


def find_segment(connection: Connection, tenant: str, name: str) -> RowMapping:
    """The row of a segment. Raises NotFoundError, about the tenant or the segment."""
    owner = find_tenant(connection, tenant)
    statement = select(*_COLUMNS).where(segments.c.tenant_id == owner["id"], segments.c.name == name)
    row = connection.execute(statement).mappings().one_or_none()
    if row is None:
        raise no_segment(tenant, name)
    return row


def no_segment(tenant: str, name: str) -> NotFoundError:
    """The error about a segment that is not there."""
    return NotFoundError(f"there is no segment {name} of tenant {tenant}", kind="segment", name=name, tenant=tenant)


def _check_network(connection: Connection, network_id: str) -> None:
    statement = (
        select(tenants.c.name.label("tenant"), segments.c.name)
        .join(tenants, segments.c.tenant_id == tenants.c.id)
        .where(segments.c.network_id == network_id)
    )
    there = connection.execute(statement).one_or_none()
    if there is not None:
        raise ConflictError(
            f"network {network_id} already has segment {there.tenant}/{there.name}",
            tenant=there.tenant,
            segment=there.name,
        )


def _same(segment: Segment, wanted: SegmentCreate) -> Segment:
    if segment.network_id != wanted.network_id:
        raise ConflictError(
            f"segment {segment.tenant}/{segment.name} exists with other values: network_id {segment.network_id}",
            network_id=segment.network_id,
        )
    return segment


def _segment(tenant: str, row: RowMapping) -> Segment:
    return Segment(tenant=tenant, **{name: row[name] for name in Segment.model_fields if name != "tenant"})
