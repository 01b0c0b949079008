"""What becomes of routers when their segments go."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, delete, select, update

from romana.store.schema import router_segments, routers, segments
from romana.store.store import current_generation


def take_out(connection: Connection, which: ColumnElement[bool]) -> None:
    """Take segments out of all routers, as they are about to be deleted. which: a condition on `segments`."""
    there = router_segments.c.segment_id.in_(select(segments.c.id).where(which))
    having = connection.execute(select(router_segments.c.router_id).where(there).distinct()).scalars().all()
    if having:
        generation = current_generation(connection)
        connection.execute(update(routers).where(routers.c.id.in_(having)).values(generation=generation))
        connection.execute(delete(router_segments).where(there))
