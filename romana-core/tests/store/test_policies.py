"""Policies: what they mean for hosts now and when segments come and go, and what they hold on to."""

from __future__ import annotations

import pytest

from romana.store.errors import ConflictError, InUseError, InvalidError, NotFoundError
from romana.store.policies import delete_policy, get_policy, list_policies
from romana.store.segments import delete_segment
from romana.store.state import host_state
from romana.store.store import Store
from romana.store.tenants import delete_tenant

from . import given


@pytest.fixture
def network(store: Store) -> Store:
    """Host a; tenant t (number 1) with s1, s2; tenant u (2) with s1; tenant bare (3) without segments."""
    given.host(store)
    given.tenant(store, "t", "s1", "s2")
    given.tenant(store, "u", "s1")
    given.tenant(store, "bare")
    return store


def rules(store: Store) -> set[tuple[str, str]]:
    """(source, target) of all rules of host a, as '1/2' (tenant/segment) or a CIDR."""
    sides = [(rule.source, rule.target) for rule in host_state(store, "a").rules]
    said = [tuple(str(one.cidr or f"{one.tenant}/{one.segment}") for one in pair) for pair in sides]
    assert len(set(said)) == len(said)
    return {(source, target) for source, target in said}


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("t/s1", "u/s1", {("1/1", "2/1")}),
        ("u", "t", {("2/1", "1/1"), ("2/1", "1/2")}),
        ("t", "t", {("1/1", "1/1"), ("1/1", "1/2"), ("1/2", "1/1"), ("1/2", "1/2")}),
        ("192.0.2.0/24", "t", {("192.0.2.0/24", "1/1"), ("192.0.2.0/24", "1/2")}),
        ("t/s2", "0.0.0.0/8", {("1/2", "0.0.0.0/8")}),
        ("t/s1", "192.0.2.1/32", {("1/1", "192.0.2.1/32")}),
        ("bare", "t", set()),
    ],
)
def test_a_policy_means_each_pair_of_segments(
    network: Store, source: str, target: str, expected: set[tuple[str, str]]
) -> None:
    given.policy(network, source, target)
    assert rules(network) == expected


def test_a_tenant_means_the_segments_it_has_at_each_moment(network: Store) -> None:
    given.policy(network, "bare", "u")
    assert rules(network) == set()
    given.segment(network, "bare", "first")
    assert rules(network) == {("3/1", "2/1")}
    given.segment(network, "bare", "second")
    assert rules(network) == {("3/1", "2/1"), ("3/2", "2/1")}
    delete_segment(network, "bare", "first", None)
    assert rules(network) == {("3/2", "2/1")}


def test_a_segment_means_only_itself_when_others_come(network: Store) -> None:
    given.policy(network, "t/s1", "u/s1")
    given.segment(network, "t", "s3")
    assert rules(network) == {("1/1", "2/1")}


def test_a_deleted_policy_closes_what_it_opened_and_nothing_else(network: Store) -> None:
    given.policy(network, "t/s1", "u", "p")
    given.policy(network, "t/s2", "u", "q")
    delete_policy(network, "p", None)
    assert rules(network) == {("1/2", "2/1")}
    assert [one.name for one in list_policies(network)] == ["q"]


@pytest.mark.parametrize(
    ("protocol", "ports", "bounds"),
    [("any", "", []), ("icmp", "", []), ("tcp", "", []), ("tcp", "80 8000-8010", [(80, 80), (8000, 8010)])],
)
def test_protocol_and_ports_reach_the_hosts(
    network: Store, protocol: str, ports: str, bounds: list[tuple[int, int]]
) -> None:
    made = given.policy(network, "t/s1", "u/s1", protocol=protocol, ports=ports)
    (rule,) = host_state(network, "a").rules
    assert (rule.protocol, rule.ports) == (protocol, bounds)
    assert get_policy(network, "p") == made


def test_policies_are_listed_by_name(network: Store) -> None:
    made = {name: given.policy(network, "t/s1", "u", name) for name in ("z", "b", "a")}
    assert list_policies(network) == [made["a"], made["b"], made["z"]]


def test_the_same_policy_again_is_the_one_there_is(network: Store) -> None:
    first = given.policy(network, "t/s1", "192.0.2.0/24", protocol="tcp", ports="80")
    assert given.policy(network, "t/s1", "192.0.2.0/24", protocol="tcp", ports="80") == first


@pytest.mark.parametrize(
    ("source", "target", "protocol", "ports"),
    [("t", "u", "tcp", "80"), ("t/s1", "u/s1", "tcp", "80"), ("t/s1", "u", "udp", "80"), ("t/s1", "u", "tcp", "81")],
)
def test_another_policy_of_the_same_name_is_refused(
    network: Store, source: str, target: str, protocol: str, ports: str
) -> None:
    first = given.policy(network, "t/s1", "u", protocol="tcp", ports="80")
    with pytest.raises(ConflictError, match="policy p exists with other values"):
        given.policy(network, source, target, protocol=protocol, ports=ports)
    assert list_policies(network) == [first]


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ("nobody", "t", "there is no tenant nobody"),
        ("t", "nobody/s1", "there is no tenant nobody"),
        ("t/nothing", "u", "there is no segment nothing of tenant t"),
        ("192.0.2.0/24", "bare/s1", "there is no segment s1 of tenant bare"),
    ],
)
def test_a_policy_names_tenants_and_segments_that_exist(network: Store, source: str, target: str, said: str) -> None:
    with pytest.raises(NotFoundError, match=said):
        given.policy(network, source, target)


@pytest.mark.parametrize("cidr", ["10.0.0.0/8", "10.9.8.7/32", "8.0.0.0/5"])
def test_a_cidr_that_reaches_into_the_plan_is_refused(network: Store, cidr: str) -> None:
    with pytest.raises(InvalidError, match=r"overlaps the address plan 10\.0\.0\.0/8"):
        given.policy(network, cidr, "t")
    assert list_policies(network) == []


@pytest.mark.parametrize("cidr", ["9.255.255.255/32", "11.0.0.0/8", "0.0.0.0/0"])
def test_a_cidr_beside_the_plan_is_taken(network: Store, cidr: str) -> None:
    assert str(given.policy(network, cidr, "t").source.cidr) == cidr


def test_what_a_policy_names_cannot_go_before_the_policy(network: Store) -> None:
    given.policy(network, "t/s1", "u", "p")
    given.policy(network, "u", "t/s1", "q")
    with pytest.raises(InUseError, match=r"segment t/s1 is in use: named by policy p, q") as segment:
        delete_segment(network, "t", "s1", None)
    assert segment.value.details == {"tenant": "t", "segment": "s1", "policies": ["p", "q"]}
    for tenant in ("t", "u"):
        with pytest.raises(InUseError, match="named by policy p, q"):
            delete_tenant(network, tenant, None)

    delete_policy(network, "p", None)
    delete_policy(network, "q", None)
    delete_segment(network, "t", "s1", None)
    delete_tenant(network, "t", None)
    delete_tenant(network, "u", None)


def test_an_unknown_policy_is_not_found(network: Store) -> None:
    with pytest.raises(NotFoundError, match="there is no policy p"):
        get_policy(network, "p")
    with pytest.raises(NotFoundError, match="there is no policy p"):
        delete_policy(network, "p", None)
