"""Tenants: each has one number of the plan."""

from __future__ import annotations

from sqlalchemy import Connection, RowMapping, delete, func, insert, or_, select, update

from romana.models import Tenant, TenantCreate, TenantUpdate
from romana.store.database import Unchanged
from romana.store.errors import ConflictError, InUseError, NotFoundError, TenantsExhaustedError
from romana.store.in_use import check_no_endpoints, check_no_policy
from romana.store.numbers import check_generation, lowest_free
from romana.store.router_segments import take_out
from romana.store.schema import endpoints, hosts, policies, segments, tenants
from romana.store.store import Store, current_generation, wake_all_hosts

_COLUMNS = (
    tenants.c.id,
    tenants.c.name,
    tenants.c.number,
    tenants.c.project_id,
    tenants.c.generation,
    select(func.count())
    .select_from(segments)
    .where(segments.c.tenant_id == tenants.c.id)
    .correlate(tenants)
    .scalar_subquery()
    .label("segments"),
    select(func.count())
    .select_from(endpoints.join(segments, endpoints.c.segment_id == segments.c.id))
    .where(segments.c.tenant_id == tenants.c.id)
    .correlate(tenants)
    .scalar_subquery()
    .label("endpoints"),
)


def list_tenants(store: Store, project_id: str | None = None) -> list[Tenant]:
    """All tenants by number, or only that of a project. Raises UnavailableError, as everything here."""
    statement = select(*_COLUMNS).order_by(tenants.c.number)
    if project_id is not None:
        statement = statement.where(tenants.c.project_id == project_id)
    return store.database.read(lambda connection: [_tenant(row) for row in connection.execute(statement).mappings()])


def get_tenant(store: Store, name: str) -> Tenant:
    """Raises NotFoundError."""
    return store.database.read(lambda connection: _tenant(find_tenant(connection, name)))


def create_tenant(store: Store, wanted: TenantCreate) -> tuple[Tenant, bool]:
    """The tenant, and whether it is new.

    Raises ConflictError (it exists with another project, or the project has another tenant), TenantsExhaustedError.
    """
    allowed = store.plan.tenants

    def work(connection: Connection) -> tuple[Tenant, bool] | Unchanged[tuple[Tenant, bool]]:
        known = connection.execute(select(*_COLUMNS)).mappings().all()
        for row in known:
            if row["name"] == wanted.name:
                return Unchanged((_same(_tenant(row), wanted), False))
        for row in known:
            if wanted.project_id is not None and row["project_id"] == wanted.project_id:
                raise _taken(wanted.project_id, row["name"])
        number = lowest_free(allowed, (row["number"] for row in known))
        if number is None:
            raise TenantsExhaustedError(
                f"no number is left for tenant {wanted.name}: all {len(allowed)} of the address plan are taken;"
                " delete a tenant, or use a plan with more tenant_bits",
                tenant=wanted.name,
                capacity=len(allowed),
            )
        tenant = Tenant(
            name=wanted.name,
            number=number,
            project_id=wanted.project_id,
            segments=0,
            endpoints=0,
            generation=current_generation(connection),
        )
        connection.execute(insert(tenants).values(tenant.model_dump(exclude={"segments", "endpoints"})))
        return tenant, True

    return store.database.write(work)


def update_tenant(store: Store, name: str, wanted: TenantUpdate, expected: int | None) -> Tenant:
    """Give a tenant its project, or take it away.

    Raises NotFoundError, GenerationConflictError and ConflictError (the project has another tenant).
    """

    def work(connection: Connection) -> Tenant | Unchanged[Tenant]:
        row = find_tenant(connection, name)
        check_generation(f"tenant {name}", row["generation"], expected)
        if row["project_id"] == wanted.project_id:
            return Unchanged(_tenant(row))
        if wanted.project_id is not None:
            holder = select(tenants.c.name).where(tenants.c.project_id == wanted.project_id)
            if (other := connection.execute(holder).scalar_one_or_none()) is not None:
                raise _taken(wanted.project_id, other)
        values = {"project_id": wanted.project_id, "generation": current_generation(connection)}
        connection.execute(update(tenants).where(tenants.c.id == row["id"]).values(**values))
        return _tenant(find_tenant(connection, name))

    return store.database.write(work)


def delete_tenant(store: Store, name: str, expected: int | None) -> None:
    """Delete a tenant and its segments.

    Raises NotFoundError, GenerationConflictError and InUseError (it has endpoints or hosts, or a policy names it).
    """

    def work(connection: Connection) -> None:
        row = find_tenant(connection, name)
        check_generation(f"tenant {name}", row["generation"], expected)
        check_no_endpoints(row, f"tenant {name}", tenant=name)
        naming = or_(policies.c.source_tenant_id == row["id"], policies.c.target_tenant_id == row["id"])
        check_no_policy(connection, naming, f"tenant {name}", tenant=name)
        owned = select(hosts.c.name).where(hosts.c.owner_id == row["id"]).order_by(hosts.c.number)
        if names := connection.execute(owned).scalars().all():
            raise InUseError(
                f"tenant {name} is in use: it owns host {', '.join(names)}; delete the host, or take it from the tenant"
                " first",
                tenant=name,
                hosts=list(names),
            )
        take_out(connection, segments.c.tenant_id == row["id"])
        connection.execute(delete(segments).where(segments.c.tenant_id == row["id"]))
        connection.execute(delete(tenants).where(tenants.c.id == row["id"]))
        if row["segments"]:
            wake_all_hosts(connection, current_generation(connection))

    store.database.write(work)


def find_tenant(connection: Connection, name: str) -> RowMapping:
    """The row of a tenant. Raises NotFoundError."""
    row = connection.execute(select(*_COLUMNS).where(tenants.c.name == name)).mappings().one_or_none()
    if row is None:
        raise no_tenant(name)
    return row


def no_tenant(name: str) -> NotFoundError:
    """The error about a tenant that is not there."""
    return NotFoundError(f"there is no tenant {name}", kind="tenant", name=name)


def _taken(project_id: str, holder: str) -> ConflictError:
    return ConflictError(f"project {project_id} already belongs to tenant {holder}", tenant=holder)


def _same(tenant: Tenant, wanted: TenantCreate) -> Tenant:
    if tenant.project_id != wanted.project_id:
        raise ConflictError(
            f"tenant {tenant.name} exists with other values: project_id {tenant.project_id}",
            project_id=tenant.project_id,
        )
    return tenant


def _tenant(row: RowMapping) -> Tenant:
    return Tenant(**{name: row[name] for name in Tenant.model_fields})
