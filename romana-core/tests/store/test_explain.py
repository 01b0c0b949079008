"""Explaining an address: whose it is, and what each host has of it beside what it should have."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest

from romana.models import Applied, AppliedEndpoint, EndpointStatus
from romana.store.applied import put_applied
from romana.store.errors import InvalidError
from romana.store.explain import explain
from romana.store.store import Store

from . import given

KEY = IPv4Address("10.0.17.0")


@pytest.fixture
def network(store: Store) -> Store:
    """Hosts a and b, tenant t, segment s; an endpoint on a: 10.0.17.3."""
    given.network(store)
    given.host(store, "b")
    given.endpoint(store)
    return store


@pytest.mark.parametrize(
    ("address", "role", "names"),
    [
        ("10.0.17.3", "endpoint", ("a", "t", "s")),
        ("10.0.17.4", "unallocated", ("a", "t", "s")),
        ("10.1.17.3", "unallocated", ("b", "t", "s")),
        ("10.7.17.3", "unallocated", (None, "t", "s")),
        ("10.0.31.3", "unallocated", ("a", "t", None)),
        ("10.0.33.3", "unallocated", ("a", None, None)),
        ("10.0.0.1", "gateway", ("a", None, None)),
        ("10.9.0.1", "gateway", (None, None, None)),
        ("10.0.17.1", "reserved", ("a", "t", "s")),
        ("10.0.17.255", "reserved", ("a", "t", "s")),
        ("10.0.0.0", "reserved", ("a", None, None)),
        ("10.0.16.3", "reserved", ("a", "t", None)),
        ("10.255.255.255", "reserved", (None, None, None)),
    ],
)
def test_every_address_of_the_plan_has_a_role(
    network: Store, address: str, role: str, names: tuple[str | None, ...]
) -> None:
    told = explain(network, IPv4Address(address))
    assert (told.role, (told.host, told.tenant, told.segment)) == (role, names)
    assert (told.endpoint is not None) == bool(told.checks) == (role == "endpoint")


def test_an_address_is_taken_apart(network: Store) -> None:
    told = explain(network, IPv4Address("10.7.18.9"))
    assert (told.host_index, told.tenant_number, told.segment_number, told.endpoint_number) == (7, 1, 2, 9)


@pytest.mark.parametrize("address", ["192.0.2.1", "11.0.0.0", "9.255.255.255"])
def test_an_address_outside_the_plan_is_refused(network: Store, address: str) -> None:
    with pytest.raises(InvalidError, match="is outside the address plan"):
        explain(network, IPv4Address(address))


def test_before_any_report_every_check_is_unreported(network: Store) -> None:
    checks = explain(network, IPv4Address("10.0.17.3")).checks
    assert {(one.host, one.what) for one in checks} == {
        *(("a", what) for what in ("generation", "route", "lease", "firewall", "pair")),
        *(("b", what) for what in ("generation", "route", "pair")),
    }
    assert {(one.applied, one.ok) for one in checks} == {("not reported", False)}


def test_what_all_hosts_have_applied_is_well(network: Store) -> None:
    _report(network)
    checks = explain(network, IPv4Address("10.0.17.3")).checks
    assert len(checks) == 8
    assert all(one.ok and one.applied == one.expected for one in checks)


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ("route", {("a", "route")}),
        ("lease", {("a", "lease")}),
        ("firewall", {("a", "firewall")}),
        ("endpoint", {("a", "route"), ("a", "lease"), ("a", "firewall")}),
        ("routes", {("b", "route")}),
        ("pairs", {("a", "pair"), ("b", "pair")}),
    ],
)
def test_just_what_is_missing_is_shown(network: Store, missing: str, expected: set[tuple[str, str]]) -> None:
    _report(network, missing)
    checks = explain(network, IPv4Address("10.0.17.3")).checks
    assert {(one.host, one.what) for one in checks if not one.ok} == expected
    assert {one.applied for one in checks if not one.ok} == {"missing"}


def test_a_host_that_is_behind_is_shown(network: Store) -> None:
    _report(network)
    before = given.generations(network)["a"]
    given.endpoint(network)
    behind = [one for one in explain(network, IPv4Address("10.0.17.3")).checks if not one.ok]
    assert [(one.host, one.what, one.applied) for one in behind] == [("a", "generation", str(before))]


def test_a_stored_report_that_cannot_be_read_counts_as_none(network: Store) -> None:
    _report(network)
    with network.database.writer.begin() as connection:
        connection.exec_driver_sql("UPDATE hosts SET applied = '{\"of\": \"another release\"}' WHERE name = 'a'")
    checks = explain(network, IPv4Address("10.0.17.3")).checks
    assert {one.host for one in checks if one.applied == "not reported"} == {"a"}


def _report(store: Store, missing: str = "") -> None:
    """Both hosts report to have everything but what is missing."""
    endpoint = explain(store, IPv4Address("10.0.17.3")).endpoint
    assert endpoint is not None
    there = AppliedEndpoint(
        id=endpoint.id,
        status=EndpointStatus.ACTIVE,
        route=missing != "route",
        lease=missing != "lease",
        firewall=missing != "firewall",
    )
    pairs = [] if missing == "pairs" else [(KEY, KEY)]
    generations = given.generations(store)
    put_applied(
        store,
        "a",
        Applied(generation=generations["a"], endpoints=[] if missing == "endpoint" else [there], pairs=pairs),
    )
    routes = [] if missing == "routes" else [IPv4Network("10.0.0.0/16")]
    put_applied(store, "b", Applied(generation=generations["b"], routes=routes, pairs=pairs))
