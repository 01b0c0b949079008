"""Floating IPs that are forwarded port by port: whose hosts are told what, and which of them answers."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address

import pytest
from pydantic import ValidationError

from romana.models import Endpoint, FloatingIp, FloatingIpPut, HostCreate
from romana.store.endpoints import delete_endpoint
from romana.store.errors import ConflictError, NotFoundError
from romana.store.floating_ips import delete_floating_ip, get_floating_ip, list_floating_ips, put_floating_ip
from romana.store.hosts import create_host, get_host
from romana.store.ipam import check
from romana.store.state import host_state
from romana.store.store import Store
from romana.store.totals import totals

from . import given

FLOATING, OTHER = IPv4Address("203.0.113.5"), IPv4Address("203.0.113.6")
HOSTS = ("a", "b", "c", "d")


@pytest.fixture
def four(store: Store) -> Store:
    """Hosts a, b, c and d by number, tenant t with segment s."""
    given.network(store)
    for name in HOSTS[1:]:
        given.host(store, name)
    return store


def put(store: Store, *texts: str, address: IPv4Address = FLOATING) -> FloatingIp:
    return put_floating_ip(store, address, given.forwarded(*texts), None)[0]


def told(store: Store, host: str) -> list[str]:
    """In words; who answers and where the endpoint is, by the hosts' names."""
    names = {get_host(store, name).address: name for name in HOSTS} | {None: host}
    return [
        f"{one.protocol.value}/{one.port} {one.endpoint_address}:{one.endpoint_port}"
        f" on {names[one.host]} by {names[one.answering]}"
        for one in host_state(store, host).forwarding
        if one.address == FLOATING
    ]


def woken(store: Store, before: dict[str, int]) -> set[str]:
    return {name for name, generation in given.generations(store).items() if generation != before[name]}


def made(store: Store, hosts: Iterable[str]) -> list[Endpoint]:
    return [given.endpoint(store, host) for host in hosts]


def test_it_is_put_shown_and_taken_away(four: Store) -> None:
    one, other = made(four, "cb")
    wanted = given.forwarded(f"udp/53={one.id}:5353", f"tcp/80={other.id}:8080")
    first, new = put_floating_ip(four, FLOATING, wanted, None)
    assert new
    assert (first.endpoint, first.endpoint_address, first.host) == (None, None, "b")
    assert [
        (each.protocol.value, each.port, each.endpoint, each.endpoint_address, each.endpoint_port, each.host)
        for each in first.forwardings
    ] == [("tcp", 80, other.id, other.address, 8080, "b"), ("udp", 53, one.id, one.address, 5353, "c")]
    assert put_floating_ip(four, FLOATING, wanted, first.generation) == (first, False)
    backwards = FloatingIpPut(forwardings=wanted.forwardings[::-1])
    assert put_floating_ip(four, FLOATING, backwards, None) == (first, False)
    assert list_floating_ips(four) == [get_floating_ip(four, FLOATING)] == [first]
    assert (totals(four).floating_ips, totals(four).forwardings) == (1, 2)
    delete_floating_ip(four, FLOATING, first.generation)
    assert list_floating_ips(four) == []
    assert totals(four).forwardings == 0
    assert check(four).ok


def test_who_answers_is_told_all_and_others_what_leads_to_their_endpoints(four: Store) -> None:
    a, b, c = made(four, "bcd")
    before = given.generations(four)
    put(four, f"tcp/2222={c.id}:22", f"tcp/80={a.id}:80", f"udp/80={b.id}:81", f"tcp/81={b.id}:81")
    assert woken(four, before) == {"b", "c", "d"}
    assert told(four, "a") == []
    assert told(four, "b") == [
        f"tcp/80 {a.address}:80 on b by b",
        f"tcp/81 {b.address}:81 on c by b",
        f"tcp/2222 {c.address}:22 on d by b",
        f"udp/80 {b.address}:81 on c by b",
    ]
    assert told(four, "c") == [f"tcp/81 {b.address}:81 on c by b", f"udp/80 {b.address}:81 on c by b"]
    assert told(four, "d") == [f"tcp/2222 {c.address}:22 on d by b"]


def test_only_those_wake_for_whom_something_changes(four: Store) -> None:
    a, b, c = made(four, "abc")
    there = [f"tcp/1={a.id}:1", f"tcp/2={b.id}:2", f"tcp/3={c.id}:3"]
    put(four, *there)
    for texts, hosts in (
        ((there[0], f"tcp/2={b.id}:22", there[2]), {"a", "b"}),  # who answers knows all
        ((there[0], there[1], there[2], f"tcp/4={a.id}:4"), {"a", "b"}),
        ((there[1], there[2]), {"a", "b", "c"}),  # another answers
        ((there[1], there[2], f"tcp/5={c.id}:5"), {"b", "c"}),
        ((f"tcp/2={a.id}:2",), {"a", "b", "c"}),
    ):
        before = given.generations(four)
        put(four, *texts)
        assert woken(four, before) == hosts, texts
    before = given.generations(four)
    delete_floating_ip(four, FLOATING, None)
    assert woken(four, before) == {"a"}


def test_from_an_endpoint_to_ports_and_back(four: Store) -> None:
    a, b = made(four, "ab")
    put_floating_ip(four, FLOATING, FloatingIpPut(endpoint=a.id, project_id="p"), None)
    before = given.generations(four)
    assert put(four, f"tcp/1={b.id}:1").project_id is None
    assert woken(four, before) == {"a", "b"}
    assert [host_state(four, name).floating for name in "ab"] == [[], []]
    before = given.generations(four)
    back, new = put_floating_ip(four, FLOATING, FloatingIpPut(endpoint=a.id), None)
    assert (back.endpoint_address, back.host, back.forwardings, new) == (a.address, "a", [], False)
    assert woken(four, before) == {"a", "b"}
    assert told(four, "b") == []


def test_an_endpoint_that_goes_takes_what_leads_to_it_along(four: Store) -> None:
    a, b, c = made(four, "abc")
    put(four, f"tcp/1={a.id}:1", f"tcp/2={a.id}:2", f"tcp/3={b.id}:3", f"tcp/4={c.id}:4")
    put(four, f"tcp/1={a.id}:9", address=OTHER)
    before = given.generations(four)
    delete_endpoint(four, a.id, None)
    assert woken(four, before) == {"a", "b", "c"}
    (left,) = list_floating_ips(four)
    assert (left.address, left.host, [one.port for one in left.forwardings]) == (FLOATING, "b", [3, 4])
    assert told(four, "a") == []
    assert told(four, "b") == [f"tcp/3 {b.address}:3 on b by b", f"tcp/4 {c.address}:4 on c by b"]
    before = given.generations(four)
    delete_endpoint(four, c.id, None)
    assert woken(four, before) == {"b", "c"}
    delete_endpoint(four, b.id, None)
    assert list_floating_ips(four) == []
    assert check(four).ok


def test_endpoints_must_exist_and_hosts_have_other_addresses(four: Store) -> None:
    (a,) = made(four, "a")
    with pytest.raises(NotFoundError) as raised:
        put(four, f"tcp/1={a.id}:1", "tcp/2=none:2")
    assert raised.value.details["kind"] == "endpoint"
    assert list_floating_ips(four) == []
    put(four, f"tcp/1={a.id}:1")
    with pytest.raises(ConflictError, match="is a floating IP, forwarded port by port"):
        create_host(four, HostCreate(name="e", address=FLOATING))


def test_an_endpoint_may_have_one_of_its_own_as_well(four: Store) -> None:
    (a,) = made(four, "a")
    put_floating_ip(four, OTHER, FloatingIpPut(endpoint=a.id), None)
    put(four, f"tcp/1={a.id}:1", f"tcp/2={a.id}:1")
    assert [one.address for one in host_state(four, "a").floating] == [OTHER]
    assert len(host_state(four, "a").forwarding) == 2


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({}, "give either endpoint or forwardings"),
        ({"endpoint": "e", "forwardings": [("tcp", 1, 1)]}, "give either endpoint or forwardings"),
        ({"forwardings": [("tcp", 1, 1), ("udp", 1, 1), ("tcp", 1, 2)]}, "tcp/1 is forwarded twice; list it once"),
        ({"forwardings": [("icmp", 1, 1)]}, "Input should be <Protocol.TCP: 'tcp'> or <Protocol.UDP: 'udp'>"),
        ({"forwardings": [("tcp", 0, 1)]}, "greater than or equal to 1"),
        ({"forwardings": [("tcp", 1, 65536)]}, "less than or equal to 65535"),
    ],
)
def test_what_cannot_be_is_refused(wanted: dict[str, object], said: str) -> None:
    ports = wanted.get("forwardings", [])
    assert isinstance(ports, list)
    keys = ("protocol", "port", "endpoint_port")
    body = wanted | {"forwardings": [dict(zip(keys, one, strict=True), endpoint="e") for one in ports]}
    with pytest.raises(ValidationError, match=said):
        FloatingIpPut.model_validate(body)
