"""How full the plan is; contradictions that something else than Romana wrote into the store are found."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from sqlalchemy import text

from romana.models import (
    Direction,
    EndpointUpdate,
    FloatingIpPut,
    GroupPut,
    GroupRule,
    HostUpdate,
    Permissions,
    RouterPut,
    RouterSegment,
)
from romana.store.endpoints import list_endpoints, update_endpoint
from romana.store.floating_ips import put_floating_ip
from romana.store.groups import put_group
from romana.store.hosts import update_host
from romana.store.ipam import check, usage
from romana.store.routers import put_router
from romana.store.store import Store

from . import given
from .conftest import MakeStore

CORRUPTIONS = {
    "address of another number": ("UPDATE endpoints SET address = address + 1", "should have 10.0.17.3"),
    "number outside": ("UPDATE endpoints SET number = 300", "cannot be: endpoint 300 is outside 3..254"),
    "host outside": ("UPDATE hosts SET number = 999", "host a has number 999, outside 0..255"),
    "tenant outside": ("UPDATE tenants SET number = 16", "tenant t has number 16, outside 1..15"),
    "segment outside": ("UPDATE segments SET number = 0", "segment t/s has number 0, outside 1..15"),
    "host renumbered": ("UPDATE hosts SET number = 9", "should have 10.9.17.3"),
    "host gone": ("DELETE FROM hosts", "is on a host that does not exist"),
    "segment gone": ("DELETE FROM segments", "is in a segment that does not exist"),
    "tenant gone": ("DELETE FROM tenants", "segment s has no tenant"),
}


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_a_corrupt_row_is_found(store: Store, corruption: str) -> None:
    given.network(store)
    given.endpoint(store)
    assert check(store).ok
    statement, finding = CORRUPTIONS[corruption]

    _behind_its_back(store, statement)

    result = check(store)
    assert not result.ok
    assert any(finding in one for one in result.findings), result.findings
    assert all("\n" not in one for one in result.findings)


MEMBERS_CORRUPTIONS = {
    "member forgotten": ("DELETE FROM memberships", "(10.0.17.3/32) is in group g and not among its members"),
    "member of a group that it left": ("UPDATE endpoints SET permissions = NULL", "which is not in it there"),
    "member of another host": ("UPDATE memberships SET host_id = 99", "group g has 10.0.17.3/32 of endpoint"),
    "member with another address": ("UPDATE endpoints SET address = address + 1", "group g has 10.0.17.3/32"),
    "group gone": ("DELETE FROM `groups`", "endpoints are in group g, which does not exist"),
    "name forgotten": (
        "DELETE FROM group_names",
        "rules of group g name friends, whose members its hosts are not told",
    ),
    "rules emptied": ("UPDATE `groups` SET rules = '[]'", "told the members of friends, which no rule of it names"),
}


@pytest.mark.parametrize("corruption", MEMBERS_CORRUPTIONS)
def test_members_of_groups_that_contradict_the_rest_are_found(store: Store, corruption: str) -> None:
    given.network(store)
    rule = GroupRule(direction=Direction.INGRESS, remote_group="friends")
    put_group(store, "g", GroupPut(rules=[rule]), None)
    wanted = EndpointUpdate(permissions=Permissions(groups=["g"]))
    update_endpoint(store, given.endpoint(store).id, wanted, None)
    assert check(store).ok
    statement, finding = MEMBERS_CORRUPTIONS[corruption]

    _behind_its_back(store, statement)

    findings = check(store).findings
    assert any(finding in one for one in findings), findings


ROUTERS_CORRUPTIONS = {
    "router gone": ("DELETE FROM routers", "router r does not exist, and joins a segment"),
    "router's segment gone": ("DELETE FROM segments", "router r joins a segment that does not exist"),
    "floating IP's endpoint gone": ("DELETE FROM endpoints", "floating IP 203.0.113.5 is of endpoint"),
    "floating IP inside": ("UPDATE floating_ips SET address = 167772161", "floating IP 10.0.0.1 lies inside the"),
    "floating IP of a host": (
        "UPDATE floating_ips SET address = (SELECT address FROM hosts)",
        "is the address of host a",
    ),
}


FORWARDINGS_CORRUPTIONS = {
    "floating IP gone": ("DELETE FROM floating_ips", "udp/53 of floating IP 203.0.113.5 is forwarded, and there is no"),
    "forwardings gone": ("DELETE FROM forwardings", "is of no endpoint, and no port of it is forwarded"),
    "endpoint gone": ("DELETE FROM endpoints", "is forwarded to endpoint"),
    "an endpoint has it as well": (
        "UPDATE floating_ips SET endpoint_id = (SELECT id FROM endpoints)",
        "udp/53 of floating IP 203.0.113.5 is forwarded, although all of it is of endpoint",
    ),
}


DELIVERY_CORRUPTIONS = {
    "delivered elsewhere": (
        "UPDATE delivered SET host_id = (SELECT id FROM hosts WHERE name = 'b')",
        "floating IP 203.0.113.5 is delivered to host b only, and leads to endpoint",
    ),
    "host gone": (
        "UPDATE delivered SET host_id = 99",
        "floating IP 203.0.113.5 is delivered to a host that does not exist",
    ),
    "of a host": (
        "UPDATE delivered SET address = (SELECT address FROM hosts WHERE name = 'b')",
        "is delivered to host a, and is the address of host b",
    ),
    "inside": (
        "UPDATE delivered SET address = 167772161",
        "floating IP 10.0.0.1 is delivered to host a, and lies inside the address plan",
    ),
}


@pytest.mark.parametrize("corruption", DELIVERY_CORRUPTIONS)
@pytest.mark.parametrize("forwarded", [False, True])
def test_what_is_delivered_and_contradicts_the_rest_is_found(store: Store, corruption: str, forwarded: bool) -> None:
    given.network(store)
    given.host(store, "b")
    floating, endpoint = IPv4Address("203.0.113.5"), given.endpoint(store).id
    update_host(store, "a", HostUpdate(floating_ips=[floating]), None)
    wanted = given.forwarded(f"udp/53={endpoint}:5353") if forwarded else FloatingIpPut(endpoint=endpoint)
    put_floating_ip(store, floating, wanted, None)
    assert check(store).ok
    statement, finding = DELIVERY_CORRUPTIONS[corruption]

    _behind_its_back(store, statement)

    (found,) = check(store).findings
    assert finding in found


@pytest.mark.parametrize("corruption", FORWARDINGS_CORRUPTIONS)
def test_forwardings_that_contradict_the_rest_are_found(store: Store, corruption: str) -> None:
    given.network(store)
    put_floating_ip(store, IPv4Address("203.0.113.5"), given.forwarded(f"udp/53={given.endpoint(store).id}:5353"), None)
    assert check(store).ok
    statement, finding = FORWARDINGS_CORRUPTIONS[corruption]

    _behind_its_back(store, statement)

    findings = check(store).findings
    assert any(finding in one for one in findings), findings


@pytest.mark.parametrize("corruption", ROUTERS_CORRUPTIONS)
def test_routers_and_floating_ips_that_contradict_the_rest_are_found(store: Store, corruption: str) -> None:
    given.network(store)
    put_router(store, "r", RouterPut(segments=[RouterSegment(tenant="t", segment="s")]), None)
    put_floating_ip(store, IPv4Address("203.0.113.5"), FloatingIpPut(endpoint=given.endpoint(store).id), None)
    assert check(store).ok
    statement, finding = ROUTERS_CORRUPTIONS[corruption]

    _behind_its_back(store, statement)

    findings = check(store).findings
    assert any(finding in one for one in findings), findings


def test_all_findings_come_at_once(store: Store) -> None:
    given.network(store)
    given.endpoint(store)
    _behind_its_back(store, "UPDATE tenants SET number = 16")
    _behind_its_back(store, "UPDATE segments SET number = 16")
    findings = check(store).findings
    for one in ("tenant t has", "segment t/s has", "cannot be"):
        assert any(one in finding for finding in findings), findings


def test_usage_counts_every_segment_on_every_host(make_store: MakeStore) -> None:
    store = make_store(given.SMALL)
    for host in ("a", "b"):
        given.host(store, host)
    given.tenant(store, "t", "s", "s2")
    given.tenant(store, "bare")
    for place in ("a", "t", "s"), ("a", "t", "s"), ("b", "t", "s2"):
        given.endpoint(store, *place)
    assert [(one.host, one.tenant, one.segment, str(one.network), one.used, one.capacity) for one in usage(store)] == [
        ("a", "t", "s", "10.0.0.40/29", 2, 4),
        ("a", "t", "s2", "10.0.0.48/29", 0, 4),
        ("b", "t", "s", "10.0.0.168/29", 0, 4),
        ("b", "t", "s2", "10.0.0.176/29", 1, 4),
    ]
    assert all(one.address in usage(store)[0].network for one in list_endpoints(store, {"host": "a"}))


def test_usage_of_an_empty_store_is_empty(store: Store) -> None:
    assert usage(store) == []
    assert check(store).ok


def _behind_its_back(store: Store, statement: str) -> None:
    """Run a statement as an administrator with a database client would, foreign keys off."""
    sqlite = store.database.url.get_backend_name() == "sqlite"
    name, off, on = ("PRAGMA foreign_keys", 0, 1) if sqlite else ("SET foreign_key_checks", 0, 1)
    connection = store.database.writer.raw_connection()  # outside of a transaction, where SQLite obeys the pragma
    try:
        cursor = connection.cursor()
        for one in (f"{name} = {off}", str(text(statement)), f"{name} = {on}"):
            cursor.execute(one)
        connection.commit()
    finally:
        connection.close()
