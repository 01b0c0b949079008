"""Routers: which segments they join, and which of them may ask what is outside the plan."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select, update

from romana.models import Router, RouterPut, RouterSegment
from romana.store.database import Unchanged
from romana.store.errors import NotFoundError
from romana.store.numbers import check_generation
from romana.store.schema import router_segments, routers, segments, tenants
from romana.store.segments import find_segment
from romana.store.store import Store, current_generation, wake_all_hosts

_ROUTERS = select(routers).order_by(routers.c.id)
_SEGMENTS = (
    select(router_segments.c.router_id, tenants.c.name.label("tenant"), segments.c.name.label("segment"))
    .join(segments, segments.c.id == router_segments.c.segment_id)
    .join(tenants, tenants.c.id == segments.c.tenant_id)
    .order_by(tenants.c.number, segments.c.number)
)


def list_routers(store: Store) -> list[Router]:
    """All routers by id. Raises UnavailableError, as everything here."""
    return store.database.read(all_routers)


def get_router(store: Store, identifier: str) -> Router:
    """Raises NotFoundError."""
    return store.database.read(lambda connection: _find(connection, identifier))


def put_router(store: Store, identifier: str, wanted: RouterPut, expected: int | None) -> tuple[Router, bool]:
    """The router as it is then, and whether it is new.

    Raises NotFoundError (a tenant or a segment) and GenerationConflictError.
    """

    def work(connection: Connection) -> tuple[Router, bool] | Unchanged[tuple[Router, bool]]:
        before = next(iter(_read(connection, identifier)), None)
        if before is not None:
            check_generation(f"router {identifier}", before.generation, expected)
        ids = [find_segment(connection, one.tenant, one.segment)["id"] for one in wanted.segments]
        if before is not None and _says(before) == _says(wanted):
            return Unchanged((before, False))
        generation = current_generation(connection)
        values = wanted.model_dump(exclude={"segments"}) | {"generation": generation}
        if before is None:
            connection.execute(insert(routers).values(id=identifier, **values))
        else:
            connection.execute(update(routers).where(routers.c.id == identifier).values(**values))
            connection.execute(delete(router_segments).where(router_segments.c.router_id == identifier))
        if ids:
            connection.execute(
                insert(router_segments), [{"router_id": identifier, "segment_id": one} for one in sorted(ids)]
            )
        if _opens(before) != _opens(wanted):
            wake_all_hosts(connection, generation)
        return _find(connection, identifier), before is None

    return store.database.write(work)


def delete_router(store: Store, identifier: str, expected: int | None) -> None:
    """Raises NotFoundError and GenerationConflictError."""

    def work(connection: Connection) -> None:
        router = _find(connection, identifier)
        check_generation(f"router {identifier}", router.generation, expected)
        connection.execute(delete(router_segments).where(router_segments.c.router_id == identifier))
        connection.execute(delete(routers).where(routers.c.id == identifier))
        if router.segments:
            wake_all_hosts(connection, current_generation(connection))

    store.database.write(work)


def all_routers(connection: Connection) -> list[Router]:
    """All routers by id."""
    return _read(connection)


def _read(connection: Connection, identifier: str | None = None) -> list[Router]:
    statement, parts = _ROUTERS, _SEGMENTS
    if identifier is not None:
        statement = statement.where(routers.c.id == identifier)
        parts = parts.where(router_segments.c.router_id == identifier)
    there: dict[str, list[RouterSegment]] = {}
    for row in connection.execute(parts):
        there.setdefault(row.router_id, []).append(RouterSegment(tenant=row.tenant, segment=row.segment))
    return [
        Router(
            id=row.id,
            name=row.name,
            project_id=row.project_id,
            outside=row.outside,
            segments=there.get(row.id, []),
            generation=row.generation,
        )
        for row in connection.execute(statement)
    ]


def _find(connection: Connection, identifier: str) -> Router:
    found = _read(connection, identifier)
    if not found:
        raise NotFoundError(f"there is no router {identifier!r}", kind="router", router=identifier)
    return found[0]


def _says(router: RouterPut) -> tuple[object, ...]:
    return router.name, router.project_id, router.outside, _opens(router)


def _opens(router: RouterPut | None) -> tuple[frozenset[tuple[str, str]], bool]:
    """What hosts have to do with; the order of segments means nothing."""
    if router is None or not router.segments:
        return frozenset(), False
    return frozenset((one.tenant, one.segment) for one in router.segments), router.outside
