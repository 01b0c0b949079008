"""Stores on both databases."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL

from romana.models import Plan
from romana.store import migrate
from romana.store.store import Store, open_store

from ..mariadb import MariaDb
from .emptied import Emptied

MakeStore = Callable[[Plan], Store]


@pytest.fixture(params=["sqlite", "mariadb"])
def kind(request: pytest.FixtureRequest) -> str:
    """Which database."""
    found: str = request.param
    return found


@pytest.fixture
def url(request: pytest.FixtureRequest, kind: str) -> Iterator[URL]:
    """An empty database. Who asks for it may do anything to it; there a store is made by what users make it by."""
    if kind == "sqlite":
        directory: Path = request.getfixturevalue("database_directory")
        yield URL.create("sqlite", database=str(directory / "romana.db"))
        return
    server: MariaDb = request.getfixturevalue("mariadb")
    with server.database() as database:
        yield database


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Plan], Path]:
    """The file of an empty store of a plan in SQLite, to be copied: to make the tables takes longer than most tests."""
    directory = tmp_path_factory.mktemp("made")
    files: dict[str, Path] = {}

    def make(plan: Plan) -> Path:
        key = plan.model_dump_json()
        if key not in files:
            path = directory / f"{len(files)}.db"
            migrate.init(URL.create("sqlite", database=str(path)), plan)
            files[key] = path
        return files[key]

    return make


@pytest.fixture(scope="session")
def emptied(mariadb: MariaDb) -> Iterator[Emptied]:
    """Empty stores in MariaDB, whose tables are made once."""
    with mariadb.database() as url:
        yield Emptied(url)


@pytest.fixture
def make_store(request: pytest.FixtureRequest, kind: str) -> Iterator[MakeStore]:
    """Makes the store of a plan; one in a test."""
    opened: list[Store] = []

    def empty(plan: Plan) -> URL:
        if "url" in request.fixturenames:
            url: URL = request.getfixturevalue("url")
            migrate.init(url, plan)
            return url
        if kind == "mariadb":
            emptied: Emptied = request.getfixturevalue("emptied")
            return emptied.make(plan)
        path: Path = request.getfixturevalue("database_directory") / "romana.db"
        made: Callable[[Plan], Path] = request.getfixturevalue("made")
        shutil.copy(made(plan), path)
        return URL.create("sqlite", database=str(path))

    def make(plan: Plan) -> Store:
        opened.append(open_store(empty(plan), plan))
        return opened[-1]

    yield make
    for store in opened:
        store.database.close()


@pytest.fixture
def store(make_store: MakeStore) -> Store:
    """An empty store with the default plan."""
    return make_store(Plan())
