"""Floating IPs: each of one endpoint, told to the endpoint's host alone."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from romana.models import FloatingIp, FloatingIpPut, HostCreate, HostUpdate
from romana.store.endpoints import delete_endpoint
from romana.store.errors import ConflictError, GenerationConflictError, InvalidError, NotFoundError
from romana.store.floating_ips import delete_floating_ip, get_floating_ip, list_floating_ips, put_floating_ip
from romana.store.hosts import create_host, get_host, update_host
from romana.store.state import host_state
from romana.store.store import Store

from . import given

FLOATING, OTHER = IPv4Address("203.0.113.5"), IPv4Address("203.0.113.6")


def put(store: Store, endpoint: str, address: IPv4Address = FLOATING, project: str | None = None) -> FloatingIp:
    return put_floating_ip(store, address, FloatingIpPut(endpoint=endpoint, project_id=project), None)[0]


def told(store: Store, host: str) -> list[tuple[str, str]]:
    return [(str(one.address), str(one.endpoint_address)) for one in host_state(store, host).floating]


@pytest.fixture
def two(store: Store) -> Store:
    """Hosts a, b and c, tenant t with segment s."""
    given.network(store)
    given.host(store, "b")
    given.host(store, "c")
    return store


def test_it_is_given_shown_and_taken_away(two: Store) -> None:
    endpoint = given.endpoint(two)
    wanted = FloatingIpPut(endpoint=endpoint.id, project_id="p")
    made, new = put_floating_ip(two, FLOATING, wanted, None)
    assert new
    assert (made.address, made.endpoint, made.endpoint_address, made.host, made.project_id) == (
        FLOATING, endpoint.id, endpoint.address, "a", "p"
    )  # fmt: skip
    assert put_floating_ip(two, FLOATING, wanted, made.generation) == (made, False)
    assert list_floating_ips(two) == [get_floating_ip(two, FLOATING)] == [made]
    with pytest.raises(GenerationConflictError):
        delete_floating_ip(two, FLOATING, made.generation - 1)
    delete_floating_ip(two, FLOATING, made.generation)
    with pytest.raises(NotFoundError, match=r"there is no floating IP 203\.0\.113\.5"):
        get_floating_ip(two, FLOATING)


def test_given_to_another_endpoint_it_moves_and_wakes_both_hosts_alone(two: Store) -> None:
    first, second = given.endpoint(two, "a"), given.endpoint(two, "b")
    made = put(two, first.id)
    assert (told(two, "a"), told(two, "b")) == ([(str(FLOATING), str(first.address))], [])
    before = given.generations(two)
    moved = put(two, second.id)
    after = given.generations(two)
    assert moved.generation > made.generation
    assert (moved.host, moved.endpoint_address) == ("b", second.address)
    assert (told(two, "a"), told(two, "b")) == ([], [(str(FLOATING), str(second.address))])
    assert after["a"] > before["a"]
    assert after["b"] > before["b"]
    assert after["c"] == before["c"]


def test_another_project_wakes_nobody(two: Store) -> None:
    endpoint = given.endpoint(two)
    put(two, endpoint.id)
    before = given.generations(two)
    assert put(two, endpoint.id, project="p").project_id == "p"
    assert given.generations(two) == before


def test_an_endpoint_has_one_at_most(two: Store) -> None:
    endpoint = given.endpoint(two)
    put(two, endpoint.id)
    with pytest.raises(ConflictError, match=r"has floating IP 203\.0\.113\.5, and an endpoint has one at most"):
        put(two, endpoint.id, OTHER)
    assert len(list_floating_ips(two)) == 1


def test_its_endpoint_must_exist(two: Store) -> None:
    with pytest.raises(NotFoundError) as raised:
        put(two, "none")
    assert raised.value.details["kind"] == "endpoint"


@pytest.mark.parametrize("address", ["10.0.17.9", "127.0.0.1", "224.0.0.5", "0.0.0.1", "169.254.7.7"])
def test_an_address_that_leads_to_no_host_from_outside_is_refused(two: Store, address: str) -> None:
    with pytest.raises(InvalidError, match="give an address of a network outside that leads to the hosts"):
        put(two, given.endpoint(two).id, IPv4Address(address))


def test_hosts_and_floating_ips_have_no_address_together(two: Store) -> None:
    endpoint = given.endpoint(two)
    with pytest.raises(InvalidError, match="is the address of host a; give one that nobody has"):
        put(two, endpoint.id, get_host(two, "a").address)
    put(two, endpoint.id)
    with pytest.raises(ConflictError, match="is a floating IP, of endpoint"):
        create_host(two, HostCreate(name="d", address=FLOATING))
    with pytest.raises(ConflictError, match="is a floating IP, of endpoint"):
        update_host(two, "a", HostUpdate(address=FLOATING), None)


def test_it_goes_with_its_endpoint(two: Store) -> None:
    endpoint = given.endpoint(two)
    put(two, endpoint.id)
    delete_endpoint(two, endpoint.id, None)
    assert list_floating_ips(two) == []
    assert told(two, "a") == []
