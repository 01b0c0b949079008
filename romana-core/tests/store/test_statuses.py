"""Who follows statuses gets each that is set, once, and nothing else."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import URL, create_engine, text

from romana.models import Applied, AppliedEndpoint, EndpointStatus, EndpointUpdate, Plan
from romana.store.applied import put_applied
from romana.store.endpoints import delete_endpoint, list_endpoints, update_endpoint
from romana.store.migrate import init
from romana.store.statuses import newest_status, statuses
from romana.store.store import Store, current_generation

from . import given
from .conftest import MakeStore


@pytest.fixture
def network(store: Store) -> Store:
    given.network(store)
    return store


def put(store: Store, *identifiers: str, host: str = "a", status: EndpointStatus = EndpointStatus.ACTIVE) -> bool:
    there = [AppliedEndpoint(id=one, status=status, route=True, lease=True, firewall=True) for one in identifiers]
    return put_applied(store, host, Applied(generation=given.generations(store)[host], endpoints=there))


def told(store: Store, after: int | None) -> tuple[int, dict[str, EndpointStatus]]:
    """The generation, and statuses by id."""
    found = statuses(store, after)
    return found.generation, {one.id: one.status for one in found.endpoints}


def test_without_a_generation_all_are_told(network: Store) -> None:
    made = [given.endpoint(network).id for _ in range(3)]
    put(network, made[1])
    generation, known = told(network, None)
    assert known == {one: EndpointStatus.ACTIVE if one == made[1] else EndpointStatus.PENDING for one in made}
    assert generation == network.database.read(current_generation)


def test_each_status_that_is_set_is_told_once(network: Store) -> None:
    made = given.endpoint(network).id
    known, _ = told(network, None)
    for set_status, status in (
        (lambda: put(network, made), EndpointStatus.ACTIVE),
        (lambda: put(network, made, status=EndpointStatus.ERROR), EndpointStatus.ERROR),
        (lambda: update_endpoint(network, made, EndpointUpdate(interface="other"), None), EndpointStatus.PENDING),
        (lambda: put(network, made), EndpointStatus.ACTIVE),
    ):
        assert told(network, known) == (known, {})
        assert not newest_status(network).is_after(known)
        set_status()
        assert newest_status(network).is_after(known)
        known, news = told(network, known)
        assert news == {made: status}


def test_a_report_that_sets_none_raises_no_generation(network: Store) -> None:
    made = given.endpoint(network).id
    put(network, made)
    before = network.database.read(current_generation)
    assert put(network, made)
    assert network.database.read(current_generation) == before


def test_an_endpoint_that_goes_is_no_news(network: Store) -> None:
    made = given.endpoint(network)
    known, _ = told(network, None)
    delete_endpoint(network, made.id, None)
    assert not newest_status(network).is_after(known)
    assert told(network, known)[1] == {}


def test_a_generation_ahead_of_the_store_counts_no_more(network: Store) -> None:
    made = given.endpoint(network).id
    generation, _ = told(network, None)
    assert newest_status(network).is_after(generation + 1)
    assert told(network, generation + 1) == (generation, {made: EndpointStatus.PENDING})


def test_reports_and_changes_at_once_end_and_every_status_is_told(network: Store) -> None:
    """Agents report while endpoints come, change and go: whatever locks each takes, all get through."""
    for name in "bcd":
        given.host(network, name)
    known, _ = told(network, None)
    failed: list[BaseException] = []

    def live(host: str) -> None:
        try:
            for _ in range(5):
                made, kept = given.endpoint(network, host).id, given.endpoint(network, host).id
                put(network, made, kept, host=host)
                update_endpoint(network, made, EndpointUpdate(interface="other"), None)
                put(network, made, kept, host=host)
                delete_endpoint(network, made, None)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=live, args=(host,)) for host in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert told(network, known)[1] == {one.id: EndpointStatus.ACTIVE for one in list_endpoints(network, {})}


def test_a_store_of_the_first_release_is_migrated(make_store: MakeStore, url: URL) -> None:
    store = make_store(Plan())
    given.network(store)
    old = given.endpoint(store).id
    engine = create_engine(url)
    with engine.begin() as connection:
        where = " ON endpoints" if url.get_backend_name() != "sqlite" else ""
        for statement in (
            f"DROP INDEX ix_endpoints_status_generation{where}",
            "ALTER TABLE endpoints DROP COLUMN status_generation",
            "UPDATE alembic_version SET version_num = '0001'",
        ):
            connection.execute(text(statement))
    engine.dispose()
    assert init(url, Plan())
    known, all_ = told(store, None)
    assert all_ == {old: EndpointStatus.PENDING}
    assert told(store, known)[1] == {}
    put(store, old)
    assert told(store, known)[1] == {old: EndpointStatus.ACTIVE}
