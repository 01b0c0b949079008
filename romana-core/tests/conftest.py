"""What the tests of several parts share."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from .mariadb import FAST, PROGRAMS, MariaDb


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDb]:
    """A real MariaDB server; each test makes itself a database in it."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed: apt-get install mariadb-server-core mariadb-client-core")
    with MariaDb(FAST) as server:
        yield server
