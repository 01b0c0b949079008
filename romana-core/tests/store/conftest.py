"""Stores on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL

from romana.models import Plan
from romana.store import migrate
from romana.store.store import Store, open_store

from ..mariadb import MariaDb

MakeStore = Callable[[Plan], Store]


@pytest.fixture(params=["sqlite", "mariadb"])
def url(request: pytest.FixtureRequest) -> Iterator[URL]:
    """An empty database."""
    if request.param == "sqlite":
        directory: Path = request.getfixturevalue("database_directory")
        yield URL.create("sqlite", database=str(directory / "romana.db"))
        return
    server: MariaDb = request.getfixturevalue("mariadb")
    with server.database() as database:
        yield database


@pytest.fixture
def make_store(url: URL) -> Iterator[MakeStore]:
    """Makes the store of a plan."""
    opened: list[Store] = []

    def make(plan: Plan) -> Store:
        migrate.init(url, plan)
        opened.append(open_store(url, plan))
        return opened[-1]

    yield make
    for store in opened:
        store.database.close()


@pytest.fixture
def store(make_store: MakeStore) -> Store:
    """An empty store with the default plan."""
    return make_store(Plan())
