"""The modules host and host_info against a real romana-server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .conftest import Server

COMPUTE: dict[str, Any] = {"name": "compute01", "address": "192.168.99.11"}


@pytest.mark.parametrize("arguments", [{}, {"name": "compute01"}, {"address": "192.168.99.11"}])
def test_name_and_address_are_required(server: Server, arguments: dict[str, Any]) -> None:
    assert "missing" in server.module("host", **arguments)["msg"]


def test_check_mode_adds_nothing(server: Server) -> None:
    result = server.module("host", check=True, **COMPUTE)
    assert (result["changed"], result["diff"], result["host"]) == (True, {"before": {}, "after": COMPUTE}, COMPUTE)
    assert server.client.hosts() == []


def test_host_is_added_once(server: Server) -> None:
    added = server.module("host", **COMPUTE)
    assert (added["changed"], added["diff"]) == (True, {"before": {}, "after": COMPUTE})
    assert {key: added["host"][key] for key in ("index", "prefix", "gateway")} == {
        "index": 0,
        "prefix": "10.0.0.0/16",
        "gateway": "10.0.0.1",
    }
    assert [host.name for host in server.client.hosts()] == ["compute01"]

    again = server.module("host", **COMPUTE)
    known = {**COMPUTE, "index": 0}
    assert (again["changed"], again["diff"]) == (False, {"before": known, "after": known})
    assert again["host"] == added["host"]


def test_host_gets_the_index_it_asks_for(server: Server) -> None:
    assert server.module("host", **COMPUTE, index=7)["host"]["prefix"] == "10.7.0.0/16"
    assert not server.module("host", **COMPUTE, index=7)["changed"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"address": "compute01"}, "address 'compute01' is no IPv4 address; write it like 192.168.99.11"),
        ({"index": 256}, "cannot add host compute01: "),
        ({"index": -1}, "cannot add host compute01: "),
        ({"name": "compute 01"}, "host compute 01: "),
        ({"name": "c" * 300}, f"host {'c' * 300}: "),
    ],
)
def test_wrong_value_is_refused_with_the_reason(server: Server, arguments: dict[str, Any], message: str) -> None:
    result = server.module("host", **{**COMPUTE, **arguments})
    assert message in result["msg"]
    assert "\n" not in result["msg"]
    assert server.client.hosts() == []


def test_taken_address_and_index_are_refused(server: Server) -> None:
    server.module("host", **COMPUTE)
    other: dict[str, Any] = {"name": "compute02", "address": "192.168.99.12"}
    assert server.module("host", **other, index=0)["msg"].startswith("cannot add host compute02: ")
    assert [host.name for host in server.client.hosts()] == ["compute01"]


def test_address_is_changed(server: Server) -> None:
    server.module("host", **COMPUTE)
    wanted: dict[str, Any] = {**COMPUTE, "address": "192.168.99.99"}
    difference = {"before": {**COMPUTE, "index": 0}, "after": {**wanted, "index": 0}}
    checked = server.module("host", check=True, **wanted)
    assert (checked["changed"], checked["diff"], checked["host"]["address"]) == (True, difference, "192.168.99.99")
    assert str(server.client.host("compute01").address) == "192.168.99.11"
    changed = server.module("host", **wanted)
    assert (changed["changed"], changed["diff"]) == (True, difference)
    assert str(server.client.host("compute01").address) == "192.168.99.99"
    assert not server.module("host", **wanted)["changed"]


def test_index_cannot_be_changed(server: Server) -> None:
    server.module("host", **COMPUTE)
    assert server.module("host", **COMPUTE, index=3)["msg"] == (
        "cannot change the index of host compute01 from 0 to 3: its endpoints' addresses hold it;"
        " remove the host and add it again"
    )


def test_owner_is_set_changed_kept_and_taken_away(server: Server) -> None:
    for tenant in ("blue", "red"):
        server.module("tenant", name=tenant)
    for owner, wanted in (("blue", "blue"), ("red", "red"), (None, "red"), ("", None)):
        arguments = COMPUTE if owner is None else {**COMPUTE, "owner": owner}
        checked = server.module("host", check=True, **arguments)
        changed = server.module("host", **arguments)
        assert checked["changed"] == changed["changed"] == (owner is not None)
        assert checked["diff"] == changed["diff"]
        assert changed["diff"]["after"].get("owner") == changed["host"]["owner"] == wanted
        assert server.client.host("compute01").owner == wanted
        assert not server.module("host", **arguments)["changed"]


def test_owner_that_does_not_exist_is_refused(server: Server) -> None:
    result = server.module("host", **COMPUTE, owner="nobody")
    assert result["msg"] == "cannot add host compute01: there is no tenant nobody"
    assert server.client.hosts() == []


def test_host_is_removed_once(server: Server) -> None:
    server.module("host", **COMPUTE)
    gone: dict[str, Any] = {"name": "compute01", "state": "absent"}
    assert server.module("host", check=True, **gone)["changed"]
    assert len(server.client.hosts()) == 1
    removed = server.module("host", **gone)
    assert (removed["changed"], removed["host"]) == (True, {})
    assert removed["diff"] == {"before": {**COMPUTE, "index": 0}, "after": {}}
    again = server.module("host", **gone)
    assert (again["changed"], again["diff"]) == (False, {"before": {}, "after": {}})


def test_info_lists_all_or_one(server: Server) -> None:
    assert server.module("host_info")["hosts"] == []
    server.module("host", **COMPUTE)
    server.module("host", name="compute02", address="192.168.99.12")
    found = server.module("host_info")
    assert ([host["index"] for host in found["hosts"]], found["changed"]) == ([0, 1], False)
    assert [host["name"] for host in server.module("host_info", name="compute02")["hosts"]] == ["compute02"]
    assert server.module("host_info", name="compute03")["hosts"] == []


def test_floating_ips_are_delivered_changed_kept_and_taken_away(server: Server) -> None:
    one, two, three = "203.0.113.5", "203.0.113.6", "203.0.113.50"
    for given, wanted, changes in (
        ([two, one], [one, two], True),
        ([one, two], [one, two], False),
        (None, [one, two], False),
        ([three, two], [two, three], True),
        ([], [], True),
        ([], [], False),
    ):
        arguments = COMPUTE if given is None else {**COMPUTE, "floating_ips": given}
        checked = server.module("host", check=True, **arguments)
        changed = server.module("host", **arguments)
        assert checked["changed"] == changed["changed"] == changes
        assert checked["diff"]["after"].get("floating_ips", []) == wanted
        assert changed["diff"]["after"].get("floating_ips", []) == changed["host"]["floating_ips"] == wanted
        assert [str(address) for address in server.client.host("compute01").floating_ips] == wanted
        assert not server.module("host", **arguments)["changed"]


def test_floating_ips_that_cannot_be_are_refused(server: Server) -> None:
    server.module("host", **COMPUTE, floating_ips=["203.0.113.5"])
    other: dict[str, Any] = {"name": "compute02", "address": "192.168.99.12"}
    for wrong, message in (
        ("compute01", "address 'compute01' is no IPv4 address; write it like 192.168.99.11"),
        ("10.0.17.3", "lies inside the address plan 10.0.0.0/8"),
        ("203.0.113.5", "203.0.113.5 is delivered to host compute01 already; take it off that host first"),
    ):
        assert message in server.module("host", **other, floating_ips=[wrong])["msg"]
    assert [host.name for host in server.client.hosts()] == ["compute01"]
