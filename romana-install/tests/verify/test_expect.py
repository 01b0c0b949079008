"""What should be seen on a node, and how differences are told."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Any

import pytest

from romana.models import Peer, PolicyCreate, Protocol
from romana_install.verify.expect import (
    Question,
    expected_hops,
    full_matrix,
    is_expected_path,
    next_hop,
    route_findings,
    to_cell,
)
from romana_install.verify.report import REACHABLE, UNREACHABLE, Cell

from .things import PLAN, endpoint, host

HOSTS = [host(0), host(1)]
ENDPOINT = endpoint(0)
# As `ip -j route` prints the documented table of host 0.
RIGHT: list[dict[str, Any]] = [
    {"dst": "default", "gateway": "192.168.99.1", "dev": "eth0", "flags": []},
    {"dst": "10.0.0.0/16", "dev": "romana-gw", "scope": "link", "prefsrc": "10.0.0.1", "flags": []},
    {"dst": "10.1.0.0/16", "gateway": "192.168.99.11", "dev": "eth0", "flags": []},
    {"dst": "10.0.18.3", "dev": ENDPOINT.interface, "scope": "link", "flags": []},
    {"dst": "192.168.99.0/24", "dev": "eth0", "scope": "link", "prefsrc": "192.168.99.10", "flags": []},
]


def findings(routes: list[dict[str, Any]], coming_or_going: tuple[str, ...] = ()) -> list[str]:
    return route_findings(PLAN.network, HOSTS[0], HOSTS, [ENDPOINT], routes, coming_or_going)


def test_documented_route_table_is_right() -> None:
    assert findings(RIGHT) == []


def test_routes_outside_the_plan_are_the_users() -> None:
    assert findings([*RIGHT, {"dst": "172.16.0.0/12", "gateway": "192.168.99.7", "dev": "eth0"}]) == []
    assert findings([*RIGHT, {"dst": "0.0.0.0/1", "gateway": "192.168.99.7", "dev": "eth0"}]) == []


@pytest.mark.parametrize(
    ("missing", "finding"),
    [
        ("10.0.0.0/16", "no route to 10.0.0.0/16 (dev romana-gw)"),
        ("10.1.0.0/16", "no route to 10.1.0.0/16 (via 192.168.99.11)"),
        ("10.0.18.3", f"no route to 10.0.18.3 (dev {ENDPOINT.interface})"),
    ],
)
def test_missing_route_is_found(missing: str, finding: str) -> None:
    assert findings([route for route in RIGHT if route["dst"] != missing]) == [finding]


@pytest.mark.parametrize(
    ("wrong", "finding"),
    [
        ({"dst": "10.0.0.0/16", "dev": "eth0"}, "route to 10.0.0.0/16 goes dev eth0, not dev romana-gw"),
        (
            {"dst": "10.1.0.0/16", "gateway": "192.168.99.12", "dev": "eth0"},
            "route to 10.1.0.0/16 goes via 192.168.99.12 dev eth0, not via 192.168.99.11",
        ),
        ({"dst": "10.0.18.3", "dev": "tap1"}, f"route to 10.0.18.3 goes dev tap1, not dev {ENDPOINT.interface}"),
        (
            {"dst": "10.1.0.0/16", "type": "blackhole"},
            "route to 10.1.0.0/16 goes blackhole, not via 192.168.99.11",
        ),
    ],
)
def test_wrong_route_is_found(wrong: dict[str, Any], finding: str) -> None:
    assert findings([route for route in RIGHT if route["dst"] != wrong["dst"]] + [wrong]) == [finding]


def test_second_route_beside_the_right_one_is_found() -> None:
    second = {"dst": "10.1.0.0/16", "gateway": "192.168.99.12", "dev": "eth0", "metric": 50}
    assert len(findings([*RIGHT, second])) == 1


def test_route_that_nobody_wants_is_found_unless_it_is_just_changing() -> None:
    stale = {"dst": "10.0.18.9", "dev": "tap1"}
    assert findings([*RIGHT, stale]) == ["a route that should not be: 10.0.18.9 dev tap1"]
    assert findings([*RIGHT, stale], ("10.0.18.9",)) == []


def test_hops_are_the_documented_ones() -> None:
    assert expected_hops(HOSTS[0], HOSTS[0], "10.0.18.4") == ["10.0.0.1", "10.0.18.4"]
    assert expected_hops(HOSTS[0], HOSTS[1], "10.1.18.3") == ["10.0.0.1", None, "10.1.18.3"]


def test_matrix_has_every_ordered_pair_once_for_each_protocol() -> None:
    endpoints = [endpoint(0), endpoint(0, number=4), endpoint(1)]
    questions = full_matrix(endpoints, 8080)
    pairs = [(question.source.id, question.target.id, question.protocol.value) for question in questions]
    assert len(pairs) == len(set(pairs)) == 3 * 2 * 2
    assert all(question.source.id != question.target.id for question in questions)


def test_expectation_follows_segments_and_policies() -> None:
    question = Question(endpoint(0, "demo"), endpoint(1, "admin"), Protocol.TCP, 8080)
    policy = PolicyCreate(
        name="p", source=Peer(tenant="demo"), target=Peer(tenant="admin"), protocol=Protocol.TCP, ports=["8080"]
    )
    assert question.expected([]) == UNREACHABLE
    assert question.expected([policy]) == REACHABLE
    assert Question(endpoint(0), endpoint(1), Protocol.ICMP).expected([]) == REACHABLE


@pytest.mark.parametrize(
    ("result", "observed"),
    [
        ({"outcome": "reply", "name": endpoint(1).name}, REACHABLE),
        ({"outcome": "reply", "name": "probe-00000000-9"}, "answered by probe-00000000-9"),
        ({"outcome": "reply", "name": ""}, "answered by something else"),
        ({"outcome": "timeout"}, UNREACHABLE),
        ({"outcome": "refused"}, UNREACHABLE),
    ],
)
def test_only_the_right_endpoints_answer_counts(result: dict[str, Any], observed: str) -> None:
    question = Question(endpoint(0), endpoint(1), Protocol.TCP, 8080)
    source, target = "controller admin/s1 10.0.18.3", "compute01 admin/s1 10.1.18.3"
    assert to_cell(question, [], result) == Cell(source, target, "tcp", REACHABLE, observed)


@pytest.mark.parametrize(
    ("address", "expected"),
    [("192.0.2.11", "192.0.2.11"), ("198.51.100.9", "192.0.2.1"), ("203.0.113.5", "192.0.2.254")],
    ids=["in the same network", "by a router of its own", "by the default route"],
)
def test_packets_to_a_host_go_to_it_or_to_its_router(address: str, expected: str) -> None:
    routes = [
        {"dst": "default", "gateway": "192.0.2.254", "dev": "eth0"},
        {"dst": "192.0.2.0/24", "dev": "eth0"},
        {"dst": "198.51.100.0/24", "gateway": "192.0.2.1", "dev": "eth0"},
        {"type": "blackhole", "dst": "203.0.113.0/24"},
    ]
    assert next_hop(IPv4Address(address), routes) == expected


@pytest.mark.parametrize(
    ("seen", "routed", "good"),
    [
        (["10.0.0.1", None, "10.1.18.3"], False, True),
        (["10.0.0.1", "192.0.2.1", None, "10.1.18.3"], False, False),
        (["10.0.0.1", "192.0.2.1", None, "10.1.18.3"], True, True),
        (["10.0.0.1", None, None, None], True, False),
        (["10.0.0.1"], True, False),
        ([], True, False),
    ],
)
def test_routers_between_hosts_may_show_in_a_path(seen: list[str | None], routed: bool, good: bool) -> None:
    assert is_expected_path(["10.0.0.1", None, "10.1.18.3"], seen, routed) == good
