"""Routers: kept whole, told to hosts as what policies become, and left by segments that go."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from romana.models import HostUpdate, Protocol, RouterPut, RouterSegment, Selector, StateRule
from romana.store.errors import GenerationConflictError, NotFoundError
from romana.store.hosts import update_host
from romana.store.routers import delete_router, get_router, list_routers, put_router
from romana.store.segments import delete_segment
from romana.store.state import host_state
from romana.store.store import Store
from romana.store.tenants import delete_tenant

from . import given


def joining(*segments: str, outside: bool = False, name: str | None = None) -> RouterPut:
    """A router of segments, each 'tenant/segment'."""
    sides = [RouterSegment(tenant=tenant, segment=segment) for tenant, segment in (one.split("/") for one in segments)]
    return RouterPut(name=name, segments=sides, outside=outside)


@pytest.fixture
def network(store: Store) -> Store:
    """Hosts a and b; tenant t with segments s and s2, tenant u with s."""
    given.host(store, "a")
    given.host(store, "b")
    given.tenant(store, "t", "s", "s2")
    given.tenant(store, "u", "s")
    return store


def test_a_router_is_made_changed_and_deleted(network: Store) -> None:
    wanted = joining("u/s", "t/s", outside=True, name="r one")
    made, new = put_router(network, "r", wanted, None)
    assert new
    assert (made.id, made.name, made.outside) == ("r", "r one", True)
    assert [(one.tenant, one.segment) for one in made.segments] == [("t", "s"), ("u", "s")]
    assert put_router(network, "r", wanted, None) == (made, False)
    changed, new = put_router(network, "r", joining("t/s"), made.generation)
    assert not new
    assert changed.generation > made.generation
    assert (changed.name, changed.outside, len(changed.segments)) == (None, False, 1)
    with pytest.raises(GenerationConflictError):
        put_router(network, "r", wanted, made.generation)
    with pytest.raises(GenerationConflictError):
        delete_router(network, "r", made.generation)
    assert list_routers(network) == [get_router(network, "r")] == [changed]
    delete_router(network, "r", None)
    with pytest.raises(NotFoundError, match="there is no router 'r'"):
        delete_router(network, "r", None)


def test_a_router_without_segments_still_keeps_whether_it_leads_outside(network: Store) -> None:
    put_router(network, "r", joining(), None)
    assert put_router(network, "r", joining(outside=True), None)[0].outside
    assert get_router(network, "r").outside


@pytest.mark.parametrize(("segment", "kind"), [("none/s", "tenant"), ("t/none", "segment")])
def test_what_it_joins_must_exist(network: Store, segment: str, kind: str) -> None:
    with pytest.raises(NotFoundError) as raised:
        put_router(network, "r", joining("t/s", segment), None)
    assert raised.value.details["kind"] == kind
    assert list_routers(network) == []


def test_a_segment_listed_twice_is_refused() -> None:
    with pytest.raises(ValidationError, match="segment t/s is listed twice; list it once"):
        joining("t/s", "t/s")


def rules(store: Store, host: str = "a") -> list[StateRule]:
    return sorted(host_state(store, host).rules, key=lambda rule: rule.model_dump_json())


def test_hosts_are_told_what_policies_would_become(network: Store) -> None:
    put_router(network, "r", joining("t/s", "t/s2", "u/s", outside=True), None)
    by_router = rules(network)
    delete_router(network, "r", None)
    sides = ("t/s", "t/s2", "u/s")
    for source in sides:
        for target in (*sides, "0.0.0.0/0"):
            if source != target:
                given.policy(network, source, target, name=f"{source}-{target}".replace("/", "_"))
    assert by_router == rules(network) == rules(network, "b")
    assert len(by_router) == 9
    there = Selector(tenant=1, segment=1), Selector(tenant=2, segment=1)
    assert StateRule(source=there[0], target=there[1], protocol=Protocol.ANY) in by_router


def test_a_router_of_one_segment_without_an_outside_lets_nothing_pass(network: Store) -> None:
    put_router(network, "r", joining("t/s"), None)
    assert rules(network) == []


def test_only_what_changes_for_hosts_wakes_them(network: Store) -> None:
    before = given.generations(network)
    put_router(network, "r", joining("t/s", "u/s"), None)
    made = given.generations(network)
    assert all(made[host] > before[host] for host in ("a", "b"))
    put_router(network, "r", joining("u/s", "t/s", name="renamed"), None)
    assert given.generations(network) == made
    delete_router(network, "r", None)
    assert all(there > made[host] for host, there in given.generations(network).items())


def test_a_segment_that_goes_leaves_its_routers(network: Store) -> None:
    made, _ = put_router(network, "r", joining("t/s", "t/s2", "u/s"), None)
    delete_segment(network, "t", "s2", None)
    left = get_router(network, "r")
    assert [(one.tenant, one.segment) for one in left.segments] == [("t", "s"), ("u", "s")]
    assert left.generation > made.generation
    delete_tenant(network, "t", None)
    assert [(one.tenant, one.segment) for one in get_router(network, "r").segments] == [("u", "s")]
    assert rules(network) == []


def test_an_owned_host_is_told_what_has_to_do_with_its_owner(network: Store) -> None:
    given.tenant(network, "v", "s", "s2")
    update_host(network, "b", HostUpdate(owner="t"), None)
    put_router(network, "r", joining("t/s", "u/s"), None)
    put_router(network, "other", joining("v/s", "v/s2", outside=True), None)
    assert {(rule.source.tenant, rule.target.tenant) for rule in rules(network, "b")} == {(1, 2), (2, 1)}
    assert len(rules(network)) == 6
