"""Floating IPs that the network delivers to one host only: they lead to endpoints of that host, and to no others."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from pydantic import ValidationError

from romana.models import FloatingIpPut, Host, HostCreate, HostUpdate
from romana.store.endpoints import delete_endpoint
from romana.store.errors import ConflictError, GenerationConflictError, InvalidError
from romana.store.floating_ips import delete_floating_ip, list_floating_ips, put_floating_ip
from romana.store.hosts import create_host, delete_host, get_host, list_hosts, update_host
from romana.store.ipam import check
from romana.store.store import Store

from . import given

OF_A = [IPv4Address(f"203.0.113.{number}") for number in (5, 6)]
OF_B = [IPv4Address(f"203.0.113.{number}") for number in (7, 8, 9, 10)]
EVERYBODYS = IPv4Address("203.0.113.99")


@pytest.fixture
def three(store: Store) -> Store:
    """Hosts a and b, which have some delivered, and c; tenant t with segment s."""
    given.network(store)
    given.host(store, "b")
    given.host(store, "c")
    deliver(store, "a", *OF_A)
    deliver(store, "b", *OF_B)
    return store


def deliver(store: Store, host: str, *addresses: IPv4Address) -> Host:
    return update_host(store, host, HostUpdate(floating_ips=list(addresses)), None)


def give(store: Store, endpoint: str, address: IPv4Address) -> None:
    put_floating_ip(store, address, FloatingIpPut(endpoint=endpoint), None)


def test_a_host_gets_keeps_and_loses_them(store: Store) -> None:
    own = IPv4Address("192.0.2.1")
    made, new = create_host(store, HostCreate(name="a", address=own, floating_ips=OF_A[::-1]))
    assert (new, made.floating_ips) == (True, OF_A)
    assert [get_host(store, "a"), *list_hosts(store)] == [made, made]
    for again in (None, OF_A, OF_A[::-1]):
        assert create_host(store, HostCreate(name="a", address=own, floating_ips=again)) == (made, False)
    for other in ([], OF_B):
        with pytest.raises(ConflictError, match=r"exists with other values: .* floating IPs 203\.0\.113\.5, 203\.0"):
            create_host(store, HostCreate(name="a", address=own, floating_ips=other))
    assert update_host(store, "a", HostUpdate(address=IPv4Address("192.0.2.2")), None).floating_ips == OF_A
    assert deliver(store, "a", *OF_B).floating_ips == OF_B
    assert deliver(store, "a").floating_ips == []
    assert check(store).findings == []


def test_only_the_host_itself_wakes_and_only_for_a_change(three: Store) -> None:
    before = given.generations(three)
    seen = get_host(three, "a").generation
    deliver(three, "a", *OF_A[::-1])
    assert given.generations(three) == before
    update_host(three, "a", HostUpdate(floating_ips=[]), seen)
    after = given.generations(three)
    assert {name for name in before if after[name] != before[name]} == {"a"}
    with pytest.raises(GenerationConflictError):
        update_host(three, "a", HostUpdate(floating_ips=OF_A), seen)


def test_a_host_takes_them_along_when_it_goes(three: Store) -> None:
    delete_host(three, "b", None)
    assert deliver(three, "c", *OF_B).floating_ips == OF_B


@pytest.mark.parametrize("address", ["10.0.17.9", "127.0.0.1", "224.0.0.5", "169.254.7.7"])
def test_what_is_no_floating_ip_is_refused(three: Store, address: str) -> None:
    for attempt in (
        lambda: deliver(three, "c", IPv4Address(address)),
        lambda: create_host(
            three, HostCreate(name="d", address=IPv4Address("192.0.2.9"), floating_ips=[IPv4Address(address)])
        ),
    ):
        with pytest.raises(InvalidError, match="give an address of a network outside that leads to the hosts"):
            attempt()
    assert get_host(three, "c").floating_ips == []


def test_one_is_listed_once() -> None:
    with pytest.raises(ValidationError, match=r"203\.0\.113\.5 is listed twice; list it once"):
        HostUpdate(floating_ips=[OF_A[0], OF_A[0]])


def test_two_hosts_have_none_together(three: Store) -> None:
    with pytest.raises(ConflictError, match=r"203\.0\.113\.6 is delivered to host a already; take it off that host"):
        deliver(three, "c", EVERYBODYS, OF_A[1])
    with pytest.raises(ConflictError, match="is delivered to host a already"):
        create_host(three, HostCreate(name="d", address=IPv4Address("192.0.2.9"), floating_ips=[OF_A[0]]))
    assert [(host.name, host.floating_ips) for host in list_hosts(three)] == [("a", OF_A), ("b", OF_B), ("c", [])]


def test_hosts_have_other_addresses_themselves(three: Store) -> None:
    with pytest.raises(InvalidError, match="is the address of host b; give one that nobody has"):
        deliver(three, "a", get_host(three, "b").address)
    said = r"203\.0\.113\.5 is a floating IP that is delivered to host a; take it off that host first"
    with pytest.raises(ConflictError, match=said):
        update_host(three, "c", HostUpdate(address=OF_A[0]), None)
    with pytest.raises(ConflictError, match=said):
        create_host(three, HostCreate(name="d", address=OF_A[0]))
    with pytest.raises(InvalidError, match=r"203\.0\.113\.99 is the address of host d"):
        create_host(three, HostCreate(name="d", address=EVERYBODYS, floating_ips=[EVERYBODYS]))
    assert len(list_hosts(three)) == 3
    changed = update_host(three, "a", HostUpdate(address=OF_A[0], floating_ips=OF_A[1:]), None)
    assert (changed.address, changed.floating_ips) == (OF_A[0], OF_A[1:])


def test_one_that_leads_to_another_host_at_present_is_refused(three: Store) -> None:
    endpoint = given.endpoint(three, "a")
    give(three, endpoint.id, EVERYBODYS)
    said = f"203.0.113.99 is the floating IP of endpoint {endpoint.id} on host a, which it would not reach any more"
    with pytest.raises(ConflictError, match=said):
        deliver(three, "c", EVERYBODYS)
    assert get_host(three, "c").floating_ips == []
    assert deliver(three, "a", *OF_A, EVERYBODYS).floating_ips == [*OF_A, EVERYBODYS]
    delete_floating_ip(three, EVERYBODYS, None)
    put_floating_ip(three, EVERYBODYS, given.forwarded(f"tcp/80={endpoint.id}:80"), None)
    deliver(three, "a")
    with pytest.raises(ConflictError, match=said):
        deliver(three, "c", EVERYBODYS)


def test_it_leads_to_endpoints_of_its_host_only(three: Store) -> None:
    there, elsewhere = given.endpoint(three, "a"), given.endpoint(three, "b")
    give(three, there.id, OF_A[0])
    with pytest.raises(ConflictError) as raised:
        give(three, elsewhere.id, OF_A[0])
    assert raised.value.message == (
        f"floating IP 203.0.113.5 is delivered to host a only, and endpoint {elsewhere.id} is on b, which has"
        " 203.0.113.7, 203.0.113.8 and 203.0.113.9 free; give it one of these"
    )
    assert raised.value.details["endpoints"] == [elsewhere.id]
    assert [(one.address, one.endpoint) for one in list_floating_ips(three)] == [(OF_A[0], there.id)]
    give(three, elsewhere.id, EVERYBODYS)
    give(three, there.id, OF_A[0])


def test_what_is_free_on_the_endpoints_host_is_named(three: Store) -> None:
    deliver(three, "b", OF_B[0])
    first, second = given.endpoint(three, "b"), given.endpoint(three, "b")
    with pytest.raises(ConflictError, match=r"is on b, which has 203\.0\.113\.7 free; give it that one$"):
        give(three, first.id, OF_A[0])
    give(three, first.id, OF_B[0])
    with pytest.raises(ConflictError, match="is on b, which has none free; take one away there, or"):
        give(three, second.id, OF_A[0])
    with pytest.raises(ConflictError, match="is on c, which has none free"):
        give(three, given.endpoint(three, "c").id, OF_A[0])


def test_so_do_its_ports(three: Store) -> None:
    there, other, elsewhere = (given.endpoint(three, name) for name in "aab")
    with pytest.raises(ConflictError, match=f"is delivered to host a only, and endpoint {elsewhere.id} is on b"):
        put_floating_ip(three, OF_A[0], given.forwarded(f"tcp/1={there.id}:1", f"tcp/2={elsewhere.id}:1"), None)
    assert list_floating_ips(three) == []
    put_floating_ip(three, OF_A[0], given.forwarded(f"tcp/1={there.id}:1", f"tcp/2={other.id}:1"), None)
    delete_endpoint(three, there.id, None)
    assert [one.endpoint for floating in list_floating_ips(three) for one in floating.forwardings] == [other.id]
