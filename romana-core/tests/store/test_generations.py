"""Generations: a change wakes the hosts whose state it changes, and nobody decides upon what has changed since."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address

import pytest

from romana.models import EndpointUpdate, HostUpdate, TenantCreate, TenantUpdate
from romana.store.endpoints import delete_endpoint, list_endpoints, update_endpoint
from romana.store.errors import ConflictError, GenerationConflictError
from romana.store.hosts import delete_host, get_host, update_host
from romana.store.policies import delete_policy, get_policy, list_policies
from romana.store.segments import delete_segment, get_segment
from romana.store.state import host_state
from romana.store.store import Store, current_generation
from romana.store.tenants import create_tenant, delete_tenant, get_tenant, update_tenant

from . import given


@pytest.fixture
def network(store: Store) -> Store:
    """Hosts a, b; segments t/s, t/empty; tenants bare and u; one endpoint on a; a policy between t/s and u."""
    given.network(store)
    given.host(store, "b")
    given.segment(store, "t", "empty")
    given.tenant(store, "u", "s")
    given.tenant(store, "bare")
    given.endpoint(store)
    given.policy(store, "t/s", "u")
    return store


def _endpoint(store: Store) -> str:
    return list_endpoints(store, {})[0].id


ALL, ONLY_A, NOBODY = {"a", "b", "c"}, {"a"}, set[str]()
CHANGES: dict[str, tuple[Callable[[Store], object], set[str]]] = {
    "host comes": (lambda store: given.host(store, "c"), ALL),
    "host moves": (lambda store: update_host(store, "b", HostUpdate(address=IPv4Address("192.0.2.9")), None), ALL),
    "host goes": (lambda store: delete_host(store, "b", None), ALL),
    "tenant comes": (lambda store: given.tenant(store, "v"), NOBODY),
    "tenant gets its project": (lambda store: update_tenant(store, "t", TenantUpdate(project_id="p"), None), NOBODY),
    "tenant goes": (lambda store: delete_tenant(store, "bare", None), NOBODY),
    "segment comes": (lambda store: given.segment(store, "t", "new"), ALL),
    "segment goes": (lambda store: delete_segment(store, "t", "empty", None), ALL),
    "policy comes": (lambda store: given.policy(store, "u", "t", "q"), ALL),
    "policy goes": (lambda store: delete_policy(store, "p", None), ALL),
    "endpoint comes": (lambda store: given.endpoint(store), ONLY_A),
    "endpoint changes": (
        lambda store: update_endpoint(store, _endpoint(store), EndpointUpdate(interface="other"), None),
        ONLY_A,
    ),
    "endpoint goes": (lambda store: delete_endpoint(store, _endpoint(store), None), ONLY_A),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_wakes_the_hosts_whose_state_it_changes(network: Store, change: str) -> None:
    make, woken = CHANGES[change]
    states = {name: host_state(network, name) for name in given.generations(network)}

    make(network)

    for name, generation in given.generations(network).items():
        before, now = states.get(name), host_state(network, name)
        assert now.generation == generation
        if name in woken:
            assert before is None or generation > before.generation
        else:
            assert now == before


def test_a_tenant_that_goes_with_its_segments_wakes_all(network: Store) -> None:
    before = given.generations(network)
    given.tenant(network, "v", "s")
    between = given.generations(network)
    delete_tenant(network, "v", None)
    after = given.generations(network)
    assert all(before[name] < between[name] < after[name] for name in ("a", "b"))


def test_hosts_that_are_woken_together_have_the_same_generation(network: Store) -> None:
    given.segment(network, "t", "new")
    assert len(set(given.generations(network).values())) == 1


def test_a_change_that_changes_nothing_raises_nothing(network: Store) -> None:
    before = network.database.read(current_generation)
    create_tenant(network, TenantCreate(name="t"))
    given.segment(network, "t", "s")
    given.policy(network, "t/s", "u")
    update_host(network, "a", HostUpdate(address=get_host(network, "a").address), None)
    assert network.database.read(current_generation) == before


def test_a_refused_change_raises_nothing(network: Store) -> None:
    before = network.database.read(current_generation)
    with pytest.raises(ConflictError):
        create_tenant(network, TenantCreate(name="t", project_id="other"))
    assert network.database.read(current_generation) == before


GUARDED: dict[str, tuple[Callable[[Store], int], Callable[[Store, int], object]]] = {
    "host update": (
        lambda store: get_host(store, "b").generation,
        lambda store, seen: update_host(store, "b", HostUpdate(address=IPv4Address("192.0.2.9")), seen),
    ),
    "host": (lambda store: get_host(store, "b").generation, lambda store, seen: delete_host(store, "b", seen)),
    "tenant": (
        lambda store: get_tenant(store, "bare").generation,
        lambda store, seen: delete_tenant(store, "bare", seen),
    ),
    "segment": (
        lambda store: get_segment(store, "t", "empty").generation,
        lambda store, seen: delete_segment(store, "t", "empty", seen),
    ),
    "policy": (lambda store: get_policy(store, "p").generation, lambda store, seen: delete_policy(store, "p", seen)),
    "endpoint update": (
        lambda store: list_endpoints(store, {})[0].generation,
        lambda store, seen: update_endpoint(store, _endpoint(store), EndpointUpdate(interface="other"), seen),
    ),
    "endpoint": (
        lambda store: list_endpoints(store, {})[0].generation,
        lambda store, seen: delete_endpoint(store, _endpoint(store), seen),
    ),
}


@pytest.mark.parametrize("what", GUARDED)
def test_a_change_upon_an_old_generation_is_refused_and_upon_the_current_one_made(network: Store, what: str) -> None:
    generation, change = GUARDED[what]
    seen = generation(network)
    before = network.database.read(current_generation)
    for wrong in (seen - 1, seen + 1):
        with pytest.raises(GenerationConflictError) as caught:
            change(network, wrong)
        assert caught.value.details == {"expected": wrong, "actual": seen}
    assert network.database.read(current_generation) == before

    change(network, seen)

    assert network.database.read(current_generation) == before + 1


def test_state_is_whole(network: Store) -> None:
    endpoint = list_endpoints(network, {})[0]
    state = host_state(network, "a")
    assert state.plan.address_plan() == network.plan
    assert (state.host.name, state.host.index) == ("a", 0)
    assert [(peer.name, peer.index) for peer in state.peers] == [("b", 1)]
    assert [(one.tenant, one.segment) for one in state.segments] == [(1, 1), (1, 2), (2, 1)]
    assert [(one.id, one.address, one.mac, one.interface) for one in state.endpoints] == [
        (endpoint.id, endpoint.address, endpoint.mac, endpoint.interface)
    ]
    assert len(state.rules) == len(list_policies(network)) == 1
    assert host_state(network, "b").endpoints == []
