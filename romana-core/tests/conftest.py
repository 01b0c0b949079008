"""What the tests of several parts share."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from .mariadb import PROGRAMS, MariaDb, fastest_place


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDb]:
    """A real MariaDB server; each test makes itself a database in it."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed: apt-get install mariadb-server-core mariadb-client-core")
    with MariaDb(fastest_place()) as server:
        yield server


@pytest.fixture
def database_directory() -> Iterator[Path]:
    """A directory for a database file of one test."""
    with tempfile.TemporaryDirectory(prefix="romana-db-", dir=fastest_place()) as directory:
        yield Path(directory)
