"""The route module in a network namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .conftest import Node

ROUTE: dict[str, Any] = {"destination": "10.1.0.0/16", "via": "192.168.99.11"}


def routes(node: Node, destination: str = "10.1.0.0/16") -> list[dict[str, Any]]:
    """The routes to a destination, with numbers for names."""
    found: list[dict[str, Any]] = node.ip("-Numeric", "route", "show", "exact", destination)
    return found


@pytest.mark.parametrize("arguments", [{}, {"destination": "10.1.0.0/16"}, {"via": "192.168.99.11"}])
def test_destination_and_next_hop_are_required(node: Node, arguments: dict[str, Any]) -> None:
    assert "missing" in node.module("route", **arguments)["msg"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"destination": "10.1.0.1/16"}, "destination '10.1.0.1/16' is no prefix (10.1.0.1/16 has host bits set)"),
        ({"destination": "everywhere"}, "destination 'everywhere' is no prefix"),
        ({"via": "compute01"}, "via 'compute01' is no IPv4 address; write it like 192.168.99.11"),
        (
            {"via": "172.31.0.1"},
            "cannot route 10.1.0.0/16 via 172.31.0.1: the next hop is in no network of this machine",
        ),
        ({"dev": "eth9"}, 'cannot route 10.1.0.0/16 via 192.168.99.11: Cannot find device "eth9"'),
    ],
)
def test_wrong_values_are_refused_with_the_reason(node: Node, arguments: dict[str, Any], message: str) -> None:
    result = node.module("route", **(ROUTE | arguments))
    assert result["failed"]
    assert message in result["msg"]
    assert "\n" not in result["msg"]


def test_check_mode_adds_nothing(node: Node) -> None:
    before = node.state()
    result = node.module("route", check=True, **ROUTE)
    assert (result["changed"], result["diff"]) == (True, {"before": {}, "after": ROUTE})
    assert node.state() == before


def test_route_is_added_once_with_our_protocol(node: Node) -> None:
    added = node.module("route", **ROUTE)
    assert (added["changed"], added["route"]) == (True, ROUTE)
    assert routes(node) == [
        {"dst": "10.1.0.0/16", "gateway": "192.168.99.11", "dev": "uplink", "protocol": "82", "flags": []}
    ]
    again = node.module("route", **ROUTE)
    assert (again["changed"], again["diff"]) == (False, {"before": ROUTE, "after": ROUTE})
    assert not node.module("route", **ROUTE, dev="uplink")["changed"]


@pytest.mark.parametrize("destination", ["0.0.0.0/0", "10.1.2.3/32"])
def test_default_and_host_routes_are_recognised(node: Node, destination: str) -> None:
    assert node.module("route", destination=destination, via="192.168.99.11")["changed"]
    assert not node.module("route", destination=destination, via="192.168.99.11")["changed"]
    assert node.module("route", destination=destination, state="absent")["changed"]
    assert routes(node, destination) == []


def test_next_hop_is_changed_in_place(node: Node) -> None:
    node.module("route", **ROUTE)
    wanted: dict[str, Any] = {**ROUTE, "via": "192.168.99.12"}
    checked = node.module("route", check=True, **wanted)
    assert checked["diff"] == {"before": ROUTE, "after": wanted}
    assert routes(node)[0]["gateway"] == "192.168.99.11"
    assert node.module("route", **wanted)["changed"]
    assert [route["gateway"] for route in routes(node)] == ["192.168.99.12"]
    assert not node.module("route", **wanted)["changed"]


def test_interface_is_changed(node: Node) -> None:
    node.module("route", **ROUTE)
    node.run("ip", "address", "add", "192.168.99.9/24", "dev", "nowhere")
    result = node.module("route", **ROUTE, dev="nowhere")
    assert result["diff"] == {"before": {**ROUTE, "dev": "uplink"}, "after": {**ROUTE, "dev": "nowhere"}}
    assert [route["dev"] for route in routes(node)] == ["nowhere"]


@pytest.mark.parametrize(
    "stale",
    [
        ["via", "192.168.99.12", "metric", "50"],
        ["nexthop", "via", "192.168.99.11", "nexthop", "via", "192.168.99.12"],
    ],
)
def test_stale_routes_of_ours_give_way(node: Node, stale: list[str]) -> None:
    node.run("ip", "route", "add", "10.1.0.0/16", "proto", "82", *stale)
    assert node.module("route", **ROUTE)["changed"]
    assert routes(node) == [
        {"dst": "10.1.0.0/16", "gateway": "192.168.99.11", "dev": "uplink", "protocol": "82", "flags": []}
    ]
    assert not node.module("route", **ROUTE)["changed"]


@pytest.mark.parametrize("other", [[], ["proto", "static"], ["proto", "static", "metric", "50"]])
def test_route_of_another_protocol_is_never_touched(node: Node, other: list[str]) -> None:
    node.run("ip", "route", "add", "10.1.0.0/16", "via", "192.168.99.11", *other)
    before = node.state()
    number = 4 if other else 3
    assert node.module("route", **ROUTE)["msg"] == (
        f"10.1.0.0/16 already has a route of protocol {number}, not 82: something else made it; leave this route to it,"
        f" or remove it with: ip route delete 10.1.0.0/16 proto {number}"
    )
    left = node.module("route", destination="10.1.0.0/16", state="absent")
    assert not left["changed"]
    assert left["warnings"] == ["a route to 10.1.0.0/16 that this module did not make is left as it is"]
    assert node.state() == before


def test_route_is_deleted_once(node: Node) -> None:
    before = node.state()
    node.module("route", **ROUTE)
    node.run("ip", "route", "add", "10.1.0.0/16", "via", "192.168.99.12", "proto", "82", "metric", "9")
    gone: dict[str, Any] = {"destination": "10.1.0.0/16", "state": "absent"}
    assert node.module("route", check=True, **gone)["diff"] == {"before": ROUTE, "after": {}}
    assert len(routes(node)) == 2
    assert node.module("route", **gone)["changed"]
    again = node.module("route", **gone)
    assert (again["changed"], again["route"]) == (False, {})
    assert node.state() == before
