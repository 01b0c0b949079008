"""The schema comes from the migrations alone, and the plan stays what it is once it is used."""

from __future__ import annotations

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import URL, create_engine, inspect

from romana.models import Plan
from romana.store.hosts import list_hosts
from romana.store.migrate import init
from romana.store.plan import NotReadyError
from romana.store.schema import metadata
from romana.store.store import open_store

from . import given
from .conftest import MakeStore

OTHER = Plan(host_bits=7, tenant_bits=5)


def test_the_migrated_schema_is_the_one_the_code_uses(url: URL) -> None:
    init(url, Plan())
    engine = create_engine(url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, {"compare_type": True}), metadata) == []
    engine.dispose()


def test_constraints_are_migrated_too(url: URL) -> None:
    init(url, Plan())
    engine = create_engine(url)
    there = inspect(engine)
    for table in metadata.tables.values():
        unique = {tuple(sorted(one["column_names"])) for one in there.get_unique_constraints(table.name)}
        keys = {tuple(one["constrained_columns"]) for one in there.get_foreign_keys(table.name)}
        wanted = {
            tuple(sorted(column.name for column in one.columns))
            for one in table.constraints
            if one.__visit_name__ == "unique_constraint"
        }
        assert unique == wanted, table.name
        assert keys == {tuple(column.name for column in one.columns) for one in table.foreign_key_constraints}
    engine.dispose()


def test_the_second_init_changes_nothing(url: URL) -> None:
    assert init(url, Plan())
    assert not init(url, Plan())


def test_init_leaves_what_is_there(make_store: MakeStore, url: URL) -> None:
    store = make_store(Plan())
    given.network(store)
    before = list_hosts(store)
    assert not init(url, Plan())
    assert list_hosts(store) == before


def test_another_plan_is_taken_while_nothing_is_numbered(url: URL) -> None:
    init(url, Plan())
    assert init(url, OTHER)
    store = open_store(url, OTHER)
    assert store.plan == OTHER.address_plan()
    store.database.close()


@pytest.mark.parametrize("thing", ["host", "tenant"])
def test_another_plan_is_refused_once_something_is_numbered(make_store: MakeStore, url: URL, thing: str) -> None:
    store = make_store(Plan())
    _ = given.host(store) if thing == "host" else given.tenant(store)
    with pytest.raises(NotReadyError, match=r"host_bits is 8 in the store and 7 in .*tenant_bits is 4 in the store"):
        init(url, OTHER)
    open_store(url, Plan()).database.close()


def test_a_store_of_another_plan_does_not_open(url: URL) -> None:
    init(url, Plan())
    with pytest.raises(NotReadyError, match="host_bits is 8 in the store and 7 in the configuration"):
        open_store(url, OTHER)


def test_an_empty_database_does_not_open(url: URL) -> None:
    with pytest.raises(NotReadyError, match="run romana-manage init"):
        open_store(url, Plan())


@pytest.mark.parametrize("what", ["init", "open"])
def test_a_store_of_a_newer_release_is_left_alone(url: URL, what: str) -> None:
    init(url, Plan())
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engine.dispose()
    with pytest.raises(NotReadyError, match="newer version"):
        _ = init(url, Plan()) if what == "init" else open_store(url, Plan())


def test_an_interrupted_init_is_completed(url: URL) -> None:
    init(url, Plan())
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in (
            "DROP TABLE policies",
            "DROP TABLE tokens",
            "DELETE FROM alembic_version",
            "DELETE FROM meta",
        ):
            connection.exec_driver_sql(statement)
    engine.dispose()
    assert init(url, Plan())
    open_store(url, Plan()).database.close()


def test_several_inits_at_once_make_one_store(url: URL) -> None:
    results: list[bool] = []
    threads = [threading.Thread(target=lambda: results.append(init(url, Plan()))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert True in results
    open_store(url, Plan()).database.close()
