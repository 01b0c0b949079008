"""One cluster for all tests of a worker: starting it takes longer than a verification."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .cluster import Cluster


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("stack"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
