"""Servers over both databases."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL

from ..cli.certificates import Authority
from ..mariadb import MariaDb, fastest_place
from .romana_server import RomanaServer, Site, environment

DATABASES = ("sqlite", "mariadb")
MakeSite = Callable[[URL], Site]
StartServer = Callable[..., RomanaServer]


@pytest.fixture(scope="session")
def make_site(tmp_path_factory: pytest.TempPathFactory) -> MakeSite:
    """Makes what servers over a database share. The store in it isn't made yet."""
    base = tmp_path_factory.mktemp("romana")
    authority = Authority(base / "pki")
    certificate, key = authority.issue("127.0.0.1")
    variables = environment(base)
    numbers = itertools.count()

    def make(url: URL) -> Site:
        directory = base / f"site{next(numbers)}"
        directory.mkdir()
        return Site(directory, url, certificate, key, authority.ca_file, variables)

    return make


@pytest.fixture(scope="session", params=DATABASES)
def server(request: pytest.FixtureRequest, make_site: MakeSite) -> Iterator[RomanaServer]:
    """A server with hosts a, b and tenant t with segment s, for tests that leave those as they are."""
    if request.param == "sqlite":
        with tempfile.TemporaryDirectory(prefix="romana-db-", dir=fastest_place()) as directory:
            yield from _serving(make_site(URL.create("sqlite", database=f"{directory}/romana.db")))
        return
    mariadb: MariaDb = request.getfixturevalue("mariadb")
    with mariadb.database() as url:
        yield from _serving(make_site(url))


def _serving(site: Site) -> Iterator[RomanaServer]:
    site.init()
    running = RomanaServer(site)
    try:
        running.wait_until_healthy()
        with running.client() as client:
            for path, body in (
                ("/v1/hosts", {"name": "a", "address": "192.0.2.1"}),
                ("/v1/hosts", {"name": "b", "address": "192.0.2.2"}),
                ("/v1/tenants", {"name": "t"}),
                ("/v1/tenants/t/segments", {"name": "s"}),
            ):
                client.post(path, json=body).raise_for_status()
        yield running
    finally:
        running.close()


@pytest.fixture
def sqlite_site(make_site: MakeSite, database_directory: Path) -> Site:
    """An empty SQLite file."""
    return make_site(URL.create("sqlite", database=str(database_directory / "romana.db")))


@pytest.fixture(params=DATABASES)
def site(request: pytest.FixtureRequest, make_site: MakeSite) -> Iterator[Site]:
    """An empty database of one test."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_site")
        return
    with request.getfixturevalue("mariadb").database() as url:
        yield make_site(url)


@pytest.fixture
def mariadb_site(make_site: MakeSite, mariadb: MariaDb) -> Iterator[Site]:
    """An empty database in MariaDB."""
    with mariadb.database() as url:
        yield make_site(url)


@pytest.fixture
def start() -> Iterator[StartServer]:
    """Starts healthy servers; they have ended after the test."""
    running: list[RomanaServer] = []

    def start_server(site: Site, **values: object) -> RomanaServer:
        running.append(RomanaServer(site, **values))
        running[-1].wait_until_healthy()
        return running[-1]

    yield start_server
    for one in running:
        one.close()
