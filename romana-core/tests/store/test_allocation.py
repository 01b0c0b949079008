"""Endpoints: idempotency keys, addresses that are asked for, what has to be there, and what may change."""

from __future__ import annotations

import pytest

from romana.models import EndpointStatus, EndpointUpdate
from romana.store.allocation import create_endpoint
from romana.store.applied import put_applied
from romana.store.endpoints import delete_endpoint, get_endpoint, list_endpoints, update_endpoint
from romana.store.errors import (
    AddressInUseError,
    AddressMismatchError,
    EndpointsExhaustedError,
    IdempotencyMismatchError,
    NotFoundError,
)
from romana.store.store import Store

from . import given
from .conftest import MakeStore
from .test_applied import report


@pytest.fixture
def network(store: Store) -> Store:
    given.network(store)
    return store


def test_a_repeated_request_gives_the_same_endpoint(network: Store) -> None:
    wanted = given.wish()
    first, new = create_endpoint(network, wanted, "port-1")
    assert new
    assert create_endpoint(network, wanted, "port-1") == (first, False)
    assert list_endpoints(network, {}) == [first]


def test_a_repeated_request_raises_no_generation(network: Store) -> None:
    wanted = given.wish()
    create_endpoint(network, wanted, "port-1")
    before = given.generations(network)
    create_endpoint(network, wanted, "port-1")
    assert given.generations(network) == before


def test_a_repeated_request_gives_the_same_endpoint_when_the_segment_is_full(make_store: MakeStore) -> None:
    store = make_store(given.SMALL)
    given.network(store)
    wanted = [given.wish() for _ in range(4)]
    made = [create_endpoint(store, one, f"key {number}")[0] for number, one in enumerate(wanted)]
    with pytest.raises(EndpointsExhaustedError):
        create_endpoint(store, given.wish(), "key 4")
    assert [create_endpoint(store, one, f"key {number}")[0] for number, one in enumerate(wanted)] == made


@pytest.mark.parametrize("change", [{"mac": "fa:16:3e:ff:ff:ff"}, {"interface": "other"}, {"name": "other"}], ids=str)
def test_a_key_of_another_request_is_refused_and_names_what_it_made(network: Store, change: dict[str, str]) -> None:
    wanted = given.wish()
    made, _ = create_endpoint(network, wanted, "port-1")
    with pytest.raises(IdempotencyMismatchError) as caught:
        create_endpoint(network, wanted.model_copy(update=change), "port-1")
    assert caught.value.details == {"endpoint": made.id}
    assert list_endpoints(network, {}) == [made]


def test_a_key_is_free_again_when_its_endpoint_is_deleted(network: Store) -> None:
    first, _ = create_endpoint(network, given.wish(), "port-1")
    delete_endpoint(network, first.id, None)
    second, new = create_endpoint(network, given.wish(), "port-1")
    assert new
    assert second.id != first.id


def test_keys_are_told_apart_by_case_and_requests_without_key_are_not_joined(network: Store) -> None:
    wanted = given.wish()
    made = [create_endpoint(network, wanted, key)[0].id for key in ("key", "KEY", "k\u00e9y", None, None)]
    assert len(set(made)) == 5


def test_an_address_that_is_asked_for_is_given(network: Store) -> None:
    assert str(given.endpoint(network, address="10.0.17.77").address) == "10.0.17.77"
    assert str(given.endpoint(network).address) == "10.0.17.3"


def test_numbers_go_around_an_address_that_was_asked_for(network: Store) -> None:
    given.endpoint(network, address="10.0.17.4")
    assert [str(given.endpoint(network).address) for _ in range(3)] == ["10.0.17.3", "10.0.17.5", "10.0.17.6"]


def test_an_address_in_use_is_refused_and_its_holder_named(network: Store) -> None:
    holder = given.endpoint(network)
    with pytest.raises(AddressInUseError, match=holder.id) as caught:
        given.endpoint(network, address=str(holder.address))
    assert caught.value.details == {"endpoint": holder.id}


def test_a_released_address_can_be_asked_for(network: Store) -> None:
    first = given.endpoint(network)
    delete_endpoint(network, first.id, None)
    assert given.endpoint(network, address=str(first.address)).address == first.address


@pytest.mark.parametrize(
    "address",
    [
        "10.1.17.3",
        "10.0.33.3",
        "10.0.18.3",
        "10.0.17.0",
        "10.0.17.1",
        "10.0.17.2",
        "10.0.17.255",
        "192.0.2.1",
    ],
    ids=["other host", "tenant", "segment", "network", "gateway", "reserved", "broadcast", "outside"],
)
def test_an_address_of_another_place_is_refused_and_the_right_ones_said(network: Store, address: str) -> None:
    with pytest.raises(AddressMismatchError) as caught:
        given.endpoint(network, address=address)
    assert caught.value.details == {"first": "10.0.17.3", "last": "10.0.17.254"}
    assert list_endpoints(network, {}) == []


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (("nohost", "t", "s"), "there is no host nohost"),
        (("a", "nobody", "s"), "there is no tenant nobody"),
        (("a", "t", "nothing"), "there is no segment nothing of tenant t"),
        (("A", "t", "s"), "there is no host A"),
        (("a", "T", "s"), "there is no tenant T"),
        (("a", "t", "S"), "there is no segment S of tenant t"),
    ],
)
def test_what_is_not_there_is_named(network: Store, place: tuple[str, str, str], said: str) -> None:
    with pytest.raises(NotFoundError, match=said):
        given.endpoint(network, *place)


def test_a_segment_of_another_tenant_is_not_found(network: Store) -> None:
    given.tenant(network, "u", "own")
    with pytest.raises(NotFoundError, match="no segment own of tenant t"):
        given.endpoint(network, "a", "t", "own")


def test_a_refused_request_changes_no_generation(network: Store) -> None:
    before = given.generations(network)
    with pytest.raises(AddressMismatchError):
        given.endpoint(network, address="192.0.2.1")
    assert given.generations(network) == before


def test_endpoints_are_found_by_each_filter_and_sorted_by_address(network: Store) -> None:
    given.host(network, "b")
    given.segment(network, "t", "s2")
    given.tenant(network, "u", "s")
    on_b = given.endpoint(network, "b")
    in_s2 = given.endpoint(network, segment="s2")
    of_u = given.endpoint(network, tenant="u")
    plain = given.endpoint(network)

    assert list_endpoints(network, {}) == [plain, in_s2, of_u, on_b]
    for filters, expected in (
        ({"host": "b"}, [on_b]),
        ({"tenant": "t"}, [plain, in_s2, on_b]),
        ({"segment": "s"}, [plain, of_u, on_b]),
        ({"tenant": "u", "segment": "s"}, [of_u]),
        ({"address": int(in_s2.address)}, [in_s2]),
        ({"interface": plain.interface}, [plain]),
        ({"host": "nohost"}, []),
        ({"host": "b", "tenant": "u"}, []),
    ):
        assert list_endpoints(network, filters) == expected, filters


@pytest.mark.parametrize("change", [{"mac": "fa:16:3e:ff:ff:ff"}, {"interface": "other"}], ids=str)
def test_an_endpoint_with_another_mac_or_interface_is_pending_again(network: Store, change: dict[str, str]) -> None:
    made = given.endpoint(network)
    put_applied(network, "a", report(99, {made.id: EndpointStatus.ACTIVE}))
    changed = update_endpoint(network, made.id, EndpointUpdate.model_validate(change), None)
    assert changed == made.model_copy(update={**change, "generation": changed.generation})
    assert changed.generation > made.generation
    assert get_endpoint(network, made.id) == changed


def test_an_endpoint_with_another_name_stays_active(network: Store) -> None:
    made = given.endpoint(network)
    put_applied(network, "a", report(99, {made.id: EndpointStatus.ACTIVE}))
    before = given.generations(network)
    for name in ("web", None):
        changed = update_endpoint(network, made.id, EndpointUpdate(name=name), None)
        assert (changed.name, changed.status) == (name, EndpointStatus.ACTIVE)
    assert given.generations(network) == before


def test_an_update_that_changes_nothing_raises_no_generation(network: Store) -> None:
    made = given.endpoint(network)
    for update in (EndpointUpdate(), EndpointUpdate(mac=made.mac), EndpointUpdate(interface=None)):
        assert update_endpoint(network, made.id, update, None) == made


def test_a_deleted_endpoint_is_gone(network: Store) -> None:
    made = given.endpoint(network)
    delete_endpoint(network, made.id, None)
    for look in (get_endpoint, lambda store, one: delete_endpoint(store, one, None)):
        with pytest.raises(NotFoundError, match=made.id):
            look(network, made.id)
