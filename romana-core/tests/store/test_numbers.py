"""Numbers of the address plan: the lowest free one is given out, and again after release; none beyond the field."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from romana.store.endpoints import delete_endpoint, list_endpoints
from romana.store.errors import (
    EndpointsExhaustedError,
    HostsExhaustedError,
    SegmentsExhaustedError,
    StoreError,
    TenantsExhaustedError,
)
from romana.store.hosts import delete_host, list_hosts
from romana.store.ipam import check
from romana.store.segments import delete_segment, list_segments
from romana.store.store import Store
from romana.store.tenants import delete_tenant, list_tenants

from . import given
from .conftest import MakeStore


@dataclass(frozen=True)
class Field:
    """One field of the address: how its numbers are taken, given back and listed."""

    create: Callable[[Store, str], object]
    delete: Callable[[Store, int], None]  # by number
    numbers: Callable[[Store], list[int]]
    first: int
    capacity: int  # in the small plan
    exhausted: type[StoreError]
    details: dict[str, object]


def _host_by_number(store: Store, number: int) -> str:
    return next(host.name for host in list_hosts(store) if host.index == number)


def _tenant_by_number(store: Store, number: int) -> str:
    return next(tenant.name for tenant in list_tenants(store) if tenant.number == number)


def _segment_by_number(store: Store, number: int) -> str:
    return next(segment.name for segment in list_segments(store, "t") if segment.number == number)


def _endpoint_by_number(store: Store, number: int) -> str:
    return next(one.id for one in list_endpoints(store, {}) if store.plan.locate(one.address).endpoint == number)


FIELDS = {
    "host": Field(
        create=lambda store, name: given.host(store, name),
        delete=lambda store, number: delete_host(store, _host_by_number(store, number), None),
        numbers=lambda store: [host.index for host in list_hosts(store)],
        first=0,
        capacity=4,
        exhausted=HostsExhaustedError,
        details={"host": "more", "capacity": 4},
    ),
    "tenant": Field(
        create=lambda store, name: given.tenant(store, name),
        delete=lambda store, number: delete_tenant(store, _tenant_by_number(store, number), None),
        numbers=lambda store: [tenant.number for tenant in list_tenants(store)],
        first=1,
        capacity=3,
        exhausted=TenantsExhaustedError,
        details={"tenant": "more", "capacity": 3},
    ),
    "segment": Field(
        create=lambda store, name: given.segment(store, "t", name),
        delete=lambda store, number: delete_segment(store, "t", _segment_by_number(store, number), None),
        numbers=lambda store: [segment.number for segment in list_segments(store, "t")],
        first=1,
        capacity=3,
        exhausted=SegmentsExhaustedError,
        details={"tenant": "t", "segment": "more", "capacity": 3},
    ),
    "endpoint": Field(
        create=lambda store, _: given.endpoint(store),
        delete=lambda store, number: delete_endpoint(store, _endpoint_by_number(store, number), None),
        numbers=lambda store: [store.plan.locate(one.address).endpoint for one in list_endpoints(store, {})],
        first=3,
        capacity=4,
        exhausted=EndpointsExhaustedError,
        details={"host": "a", "tenant": "t", "segment": "s", "capacity": 4},
    ),
}


@pytest.fixture(params=FIELDS)
def field(request: pytest.FixtureRequest) -> Field:
    return FIELDS[request.param]


@pytest.fixture
def small(make_store: MakeStore, field: Field) -> Store:
    """A store with a small plan and what the field's things need around them."""
    store = make_store(given.SMALL)
    if field is FIELDS["segment"]:
        given.tenant(store)
    if field is FIELDS["endpoint"]:
        given.network(store)
    return store


def test_numbers_are_given_out_in_order_until_the_field_is_full(small: Store, field: Field) -> None:
    for number in range(field.capacity):
        field.create(small, f"n{number}")
    full = list(range(field.first, field.first + field.capacity))
    assert field.numbers(small) == full

    with pytest.raises(field.exhausted) as caught:
        field.create(small, "more")

    assert caught.value.details == field.details
    for named in field.details.values():
        if named != "more" or field is not FIELDS["endpoint"]:
            assert str(named) in caught.value.message
    assert field.numbers(small) == full
    assert check(small).findings == []


@pytest.mark.parametrize("offset", [0, 1, -1], ids=["first", "middle", "last"])
def test_a_released_number_is_the_next_one_given_out(small: Store, field: Field, offset: int) -> None:
    for number in range(field.capacity):
        field.create(small, f"n{number}")
    full = field.numbers(small)
    released = full[offset]

    field.delete(small, released)
    assert field.numbers(small) == [number for number in full if number != released]
    field.create(small, "again")

    assert field.numbers(small) == full


def test_the_lowest_of_several_free_numbers_is_taken(small: Store, field: Field) -> None:
    for number in range(field.capacity):
        field.create(small, f"n{number}")
    field.delete(small, field.first + 2)
    field.delete(small, field.first)

    field.create(small, "again")

    assert field.numbers(small) == [number + field.first for number in range(field.capacity) if number != 2]


def test_a_full_segment_leaves_its_neighbours_alone(make_store: MakeStore) -> None:
    store = make_store(given.SMALL)
    given.host(store, "a")
    given.host(store, "b")
    given.tenant(store, "t", "s", "s2")
    given.tenant(store, "u", "s")
    for _ in range(4):
        given.endpoint(store)
    with pytest.raises(EndpointsExhaustedError):
        given.endpoint(store)

    for host, tenant, segment in (("b", "t", "s"), ("a", "t", "s2"), ("a", "u", "s")):
        made = given.endpoint(store, host, tenant, segment)
        assert store.plan.locate(made.address).endpoint == 3
    assert check(store).findings == []


def test_a_plan_with_one_of_everything_works(make_store: MakeStore) -> None:
    store = make_store(given.SMALLEST)
    given.network(store)
    assert [str(given.endpoint(store).address) for _ in range(4)] == [f"10.0.0.{number}" for number in range(27, 31)]
    for full, create in (
        (HostsExhaustedError, lambda: given.host(store, "more")),
        (TenantsExhaustedError, lambda: given.tenant(store, "more")),
        (SegmentsExhaustedError, lambda: given.segment(store, "t", "more")),
        (EndpointsExhaustedError, lambda: given.endpoint(store)),
    ):
        with pytest.raises(full):
            create()


def test_endpoint_of_admin_s1_on_host_0_is_the_one_everybody_knows(store: Store) -> None:
    given.host(store)
    given.tenant(store, "admin", "default", "s1", "s2")
    assert str(given.endpoint(store, "a", "admin", "s1").address) == "10.0.18.3"


def test_a_host_gets_the_index_it_asks_for(store: Store) -> None:
    assert str(given.host(store, "b", index=7).prefix) == "10.7.0.0/16"
    assert given.host(store, "a").index == 0
