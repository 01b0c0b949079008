"""An opened store: the database and the plan that is pinned in it."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import URL, Connection, bindparam, exc, select, update

from romana.addressing import AddressPlan
from romana.models import Plan
from romana.store.database import Database
from romana.store.plan import NotReadyError, check_plan, pinned_plan
from romana.store.schema import META_ROW, hosts, meta

_WAKE_HOST = update(hosts).where(hosts.c.id == bindparam("host_id")).values(generation=bindparam("new"))
_GENERATION = select(meta.c.generation).where(meta.c.id == META_ROW)


@dataclass(frozen=True)
class Store:
    """What every operation of the store works on.

    confirmed: by a host's id, a generation up to which all others have once had everything; what they once had, they
    keep. See romana.store.resting.
    """

    database: Database
    plan: AddressPlan
    confirmed: dict[int, int] = field(default_factory=dict)


def open_store(url: URL, plan: Plan) -> Store:
    """Open a store that `romana-manage init` has made for `plan`.

    Raises UnavailableError, and NotReadyError when there is no store, an older one, or one with another plan.
    """
    from romana.store.migrate import check_schema  # Alembic: slow to import

    database = Database(url)
    try:
        database.read(check_schema)
        pinned = database.read(pinned_plan)
    except (exc.ProgrammingError, exc.OperationalError) as error:
        raise NotReadyError("the database has no store yet; run romana-manage init") from error
    if pinned is None:
        raise NotReadyError("the store has no address plan yet; run romana-manage init")
    check_plan(pinned, plan)
    return Store(database, pinned.address_plan())


def current_generation(connection: Connection) -> int:
    """The global generation; within a write the one it has just made."""
    generation: int = connection.execute(_GENERATION).scalar_one()
    return generation


def wake_all_hosts(connection: Connection, generation: int) -> None:
    """Every host's desired state has changed."""
    connection.execute(update(hosts).values(generation=generation))


def wake_host(connection: Connection, host_id: int, generation: int) -> None:
    """One host's desired state has changed."""
    connection.execute(_WAKE_HOST, {"host_id": host_id, "new": generation})
