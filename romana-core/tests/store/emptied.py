"""A database of MariaDB that becomes an empty store again and again, as if it were made anew."""

from __future__ import annotations

from sqlalchemy import URL, create_engine, delete, text

from romana.models import Plan
from romana.store import migrate
from romana.store.schema import metadata


class Emptied:
    """Its tables are made once, which takes longer than most tests.

    Args:
        url: an empty database.
    """

    def __init__(self, url: URL) -> None:
        self._url = url
        migrate.init(url, Plan())

    def make(self, plan: Plan) -> URL:
        """An empty store of a plan; the one before is gone, and numbers begin with 1 again."""
        engine = create_engine(self._url)
        with engine.begin() as connection:
            connection.execute(text("SET foreign_key_checks = 0"))
            for table in metadata.tables.values():
                connection.execute(delete(table))
                if table.autoincrement_column is not None:
                    connection.execute(text(f"ALTER TABLE `{table.name}` AUTO_INCREMENT = 1"))
        engine.dispose()
        migrate.init(self._url, plan)
        return self._url
