"""What has become of endpoints since a generation: how OpenStack learns that a port works."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address

from sqlalchemy import Connection, func, select

from romana.models import EndpointStatus, ReportedEndpoint, Statuses
from romana.store.schema import META_ROW, endpoints, hosts, meta
from romana.store.store import Store, current_generation

_NEWEST = select(
    meta.c.generation, select(func.max(endpoints.c.status_generation)).scalar_subquery().label("newest")
).where(meta.c.id == META_ROW)
_REPORTED = select(
    endpoints.c.id,
    endpoints.c.name,
    hosts.c.name.label("host"),
    endpoints.c.address,
    endpoints.c.interface,
    endpoints.c.status,
    endpoints.c.detail,
).join(hosts, hosts.c.id == endpoints.c.host_id)


@dataclass(frozen=True, slots=True)
class Newest:
    """The store's generation, and that of the last status that was set (None: there is no endpoint)."""

    generation: int
    status: int | None

    def is_after(self, generation: int) -> bool:
        """Whether there is something to tell to whom knows everything up to that generation.

        One that is ahead of the store's is from before the database was set back: it counts no more.
        """
        return generation > self.generation or (self.status is not None and self.status > generation)


def newest_status(store: Store) -> Newest:
    """Raises UnavailableError, as everything here."""
    row = store.database.read(lambda connection: connection.execute(_NEWEST).one())
    return Newest(row.generation, row.newest)


def statuses(store: Store, after: int | None) -> Statuses:
    """The endpoints whose status was set after that generation, by address; None, or one ahead of the store's: all."""

    def work(connection: Connection) -> Statuses:
        generation = current_generation(connection)
        statement = _REPORTED.order_by(endpoints.c.address)
        if after is not None and after <= generation:
            statement = statement.where(endpoints.c.status_generation > after)
        return Statuses(
            generation=generation,
            endpoints=[
                ReportedEndpoint(
                    id=row.id,
                    name=row.name,
                    host=row.host,
                    address=IPv4Address(row.address),
                    interface=row.interface,
                    status=EndpointStatus(row.status),
                    detail=row.detail,
                )
                for row in connection.execute(statement)
            ],
        )

    return store.database.read(work)
