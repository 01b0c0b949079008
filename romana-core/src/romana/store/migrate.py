"""Brings the database to this version's schema and pins the address plan."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, ColumnElement, Connection, exists, func, insert, select, update

from romana.models import Plan
from romana.store.database import LOCK_SECONDS, Database
from romana.store.plan import NotReadyError, check_plan, pinned_plan
from romana.store.schema import META_ROW, endpoints, hosts, meta, tenants

_SCRIPTS = Path(__file__).parent / "migrations"


def init(url: URL, plan: Plan) -> bool:
    """Migrate to head and pin the plan; True when something was changed.

    Raises UnavailableError, and NotReadyError when there is data of another plan or of a newer version.
    """
    database = Database(url)
    try:
        migrated = database.transaction(_migrate)
        return database.transaction(lambda connection: _pin(connection, plan)) or migrated
    finally:
        database.close()


def check_schema(connection: Connection) -> None:
    """Raises NotReadyError when the database's schema is not this version's."""
    revision = MigrationContext.configure(connection).get_current_revision()
    head = _scripts().get_current_head()
    if revision == head:
        return
    if revision is None:
        raise NotReadyError("the database has no store yet; run romana-manage init")
    _refuse_newer(revision)
    raise NotReadyError("the store was made by an older version; run romana-manage init to migrate it")


def _migrate(connection: Connection) -> bool:
    if connection.dialect.name != "sqlite":
        # MariaDB commits each table by itself, so a transaction does not keep two that migrate at once apart.
        connection.execute(select(func.get_lock("romana-init", LOCK_SECONDS)))
    revision = MigrationContext.configure(connection).get_current_revision()
    if revision == _scripts().get_current_head():
        return False
    if revision is not None:
        _refuse_newer(revision)
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    return True


def _refuse_newer(revision: str) -> None:
    known = {script.revision for script in _scripts().walk_revisions()}
    if revision not in known:
        raise NotReadyError(
            f"the store was made by a newer version (schema {revision}); install that version here, too"
        )


def _pin(connection: Connection, plan: Plan) -> bool:
    values = plan.model_dump()
    # Within this transaction nobody else reads or changes the row: two that run at once come here one by one.
    locked = connection.execute(select(meta.c.id).where(meta.c.id == META_ROW).with_for_update()).one_or_none()
    if locked is None:
        connection.execute(insert(meta).values(id=META_ROW, generation=1, **values))
        return True
    pinned = pinned_plan(connection)
    assert pinned is not None
    if pinned == plan:
        return False
    if connection.execute(select(_has_data())).scalar_one():
        check_plan(pinned, plan)
    connection.execute(update(meta).values(**values))
    return True


def _has_data() -> ColumnElement[bool]:
    return exists(select(hosts.c.id)) | exists(select(tenants.c.id)) | exists(select(endpoints.c.id))


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())
