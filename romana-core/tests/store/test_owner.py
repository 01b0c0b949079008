"""Hosts that belong to a tenant: what is on them, who keeps them, and what their agents and their peers are told."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address

import pytest

from romana.models import Applied, Host, HostCreate, HostUpdate
from romana.store.applied import put_applied
from romana.store.endpoints import delete_endpoint
from romana.store.errors import ConflictError, HostRestrictedError, InUseError, NotFoundError
from romana.store.explain import explain
from romana.store.hosts import create_host, get_host, list_hosts, update_host
from romana.store.state import host_state
from romana.store.store import Store
from romana.store.tenants import delete_tenant

from . import given

MAC, OTHER_MAC = "52:54:00:00:00:01", "52:54:00:00:00:02"


def own(store: Store, host: str, owner: str | None) -> Host:
    return update_host(store, host, HostUpdate(owner=owner), None)


@pytest.fixture
def network(store: Store) -> Store:
    """Hosts a, b and c; tenants t and u, each with a segment s; a and b are everybody's, c is u's."""
    given.network(store)
    given.tenant(store, "u", "s")
    given.host(store, "b")
    given.host(store, "c")
    own(store, "c", "u")
    return store


def test_a_host_is_made_with_its_owner_and_shows_it(network: Store) -> None:
    wanted = HostCreate(name="d", address=IPv4Address("192.0.2.9"), owner="t")
    made, new = create_host(network, wanted)
    assert (made.owner, new) == ("t", True)
    assert create_host(network, wanted) == (made, False)
    assert [host.owner for host in list_hosts(network)] == [None, None, "u", "t"]
    with pytest.raises(ConflictError, match=r"exists with other values: address 192\.0\.2\.9, index 3, owner t"):
        create_host(network, wanted.model_copy(update={"owner": "u"}))


@pytest.mark.parametrize(
    "change",
    [
        lambda store: own(store, "a", "nobody"),
        lambda store: create_host(store, HostCreate(name="d", address=IPv4Address("192.0.2.9"), owner="nobody")),
    ],
)
def test_an_owner_must_exist(network: Store, change: Callable[[Store], object]) -> None:
    with pytest.raises(NotFoundError, match="there is no tenant nobody"):
        change(network)


def test_endpoints_of_others_are_refused_on_a_restricted_host(network: Store) -> None:
    given.endpoint(network, "c", "u")
    with pytest.raises(HostRestrictedError, match="host c belongs to another tenant than t; use another host"):
        given.endpoint(network, "c", "t")
    own(network, "c", None)
    given.endpoint(network, "c", "t")


def test_a_host_with_endpoints_of_others_gets_no_owner(network: Store) -> None:
    made = given.endpoint(network, "a", "t")
    given.endpoint(network, "a", "u")
    with pytest.raises(InUseError, match="host a is in use: it has endpoints of tenant t; delete them first"):
        own(network, "a", "u")
    delete_endpoint(network, made.id, None)
    assert own(network, "a", "u").owner == "u"


def test_an_address_changes_without_the_owner_and_the_other_way_round(network: Store) -> None:
    moved = update_host(network, "c", HostUpdate(address=IPv4Address("192.0.2.9")), None)
    assert (str(moved.address), moved.owner) == ("192.0.2.9", "u")
    assert str(own(network, "c", "t").address) == "192.0.2.9"


def test_an_owner_is_deleted_only_after_its_hosts(network: Store) -> None:
    with pytest.raises(InUseError, match="tenant u is in use: it owns host c"):
        delete_tenant(network, "u", None)
    own(network, "c", None)
    delete_tenant(network, "u", None)


def test_all_are_told_of_an_owner(network: Store) -> None:
    before = given.generations(network)
    own(network, "b", "t")
    after = given.generations(network)
    assert all(after[name] > before[name] for name in before)
    assert {peer.name: peer.owner for peer in host_state(network, "a").peers} == {"b": 1, "c": 2}
    own(network, "b", "t")
    assert given.generations(network) == after


def test_a_restricted_host_is_told_of_nothing_but_its_owners(network: Store) -> None:
    given.tenant(network, "v", "s")
    given.policy(network, "t", "v", "theirs")
    given.policy(network, "t", "u", "ours")
    whole, restricted = host_state(network, "a"), host_state(network, "c")
    assert [(one.tenant, one.segment) for one in whole.segments] == [(1, 1), (2, 1), (3, 1)]
    assert [(one.tenant, one.segment) for one in restricted.segments] == [(2, 1)]
    assert len(whole.rules) == 2
    assert [(rule.source.tenant, rule.target.tenant) for rule in restricted.rules] == [(1, 2)]


def test_macs_are_told_only_where_a_host_has_an_owner(network: Store) -> None:
    def macs() -> dict[str, str | None]:
        return {peer.name: peer.mac for peer in host_state(network, "a").peers}

    assert macs() == {"b": None, "c": None}
    put_applied(network, "b", Applied(generation=2, mac=MAC))
    assert macs() == {"b": MAC, "c": None}
    own(network, "c", None)
    assert macs() == {"b": None, "c": None}


def test_all_are_woken_by_another_mac_and_by_nothing_else_of_a_report(network: Store) -> None:
    def woken(mac: str | None) -> bool:
        before = given.generations(network)
        put_applied(network, "b", Applied(generation=before["b"], mac=mac))
        after = given.generations(network)
        assert after == before or all(after[name] > before[name] for name in before)
        return after != before

    assert [woken(mac) for mac in (MAC, MAC, None, MAC, OTHER_MAC, MAC)] == [True, False, False, False, True, True]
    own(network, "c", None)
    assert not woken(OTHER_MAC)
    assert get_host(network, "b").applied is not None


def test_what_others_need_is_not_expected_of_a_restricted_host(network: Store) -> None:
    checks = explain(network, given.endpoint(network, "a", "t").address).checks
    assert {check.host for check in checks if check.what == "pair"} == {"a", "b"}
    assert {check.host for check in checks if check.what == "route"} == {"a", "b", "c"}
