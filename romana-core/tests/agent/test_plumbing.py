"""What has to change, worked out without a kernel."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

import pytest
from pydantic import ValidationError

from romana.agent.announce import announcement
from romana.agent.desired import Desired, Endpoint, desired
from romana.agent.dhcp import configuration, terms
from romana.agent.observed import Address, Link, Neighbour, Observed, Proxy, Route
from romana.agent.plumbing import Change, Gateway, plan
from romana.agent.status import applied
from romana.models import DhcpOption, DhcpRoute, EndpointStatus, HostState, Lease, Plan, StateEndpoint, StateHost

GATEWAY_ADDRESS = Address(5, "10.0.0.1", 16)
CONNECTED = Route("10.0.0.0/16", 5, None, "10.0.0.1", 2)
PEER = Route("10.7.0.0/16", 2, "192.168.99.17", None, 82)
ENDPOINT = Route("10.0.18.3/32", 9, None, "10.0.0.1", 82)
MAC = "02:00:00:00:00:01"


@pytest.fixture
def wanted() -> Desired:
    return desired(
        HostState(
            generation=4,
            plan=Plan(),
            host=StateHost(name="a", index=0, address=IPv4Address("192.168.99.10")),
            peers=[StateHost(name="b", index=7, address=IPv4Address("192.168.99.17"))],
            segments=[],
            rules=[],
            endpoints=[StateEndpoint(id="e", address=IPv4Address("10.0.18.3"), mac=MAC, interface="tap1")],
        ),
        {},
    )


@pytest.fixture
def settled() -> Observed:
    """A host on which nothing is left to do."""
    observed = Observed()
    for link in (Link(2, "eth0", "", True), Link(5, "romana-gw", "dummy", True), Link(9, "tap1", "tun", True)):
        observed.add_link(link)
    observed.addresses = {Address(2, "192.168.99.10", 24), GATEWAY_ADDRESS}
    for route in (CONNECTED, PEER, ENDPOINT):
        observed.add_route(route, replaces=False)
    observed.neighbours[9, "10.0.18.3"] = Neighbour(9, "10.0.18.3", MAC)
    return observed


def steps(wanted: Desired, observed: Observed) -> list[str]:
    return [change.text for change in plan(wanted, observed).changes]


def test_nothing_to_do_on_a_settled_host(wanted: Desired, settled: Observed) -> None:
    assert plan(wanted, settled).changes == []
    assert plan(wanted, settled).problems == []


def test_bare_host_gets_its_gateway_first(wanted: Desired) -> None:
    assert plan(wanted, Observed()).changes == [Change("add", Gateway(), "gateway", "interface romana-gw added")]


def test_down_interface_takes_its_routes_along(wanted: Desired, settled: Observed) -> None:
    settled.add_link(Link(9, "tap1", "tun", False))
    assert ENDPOINT.prefix not in settled.routes
    assert steps(wanted, settled) == ["neighbour 10.0.18.3 removed"]
    settled.add_link(Link(9, "tap1", "tun", True))
    assert "route 10.0.18.3/32 dev tap1 added" in steps(wanted, settled)


def test_tap_of_the_same_name_with_a_new_index_is_another_tap(wanted: Desired, settled: Observed) -> None:
    settled.remove_link(9)
    settled.add_link(Link(12, "tap1", "tun", True))
    assert steps(wanted, settled) == [
        "route 10.0.18.3/32 dev tap1 added",
        f"neighbour 10.0.18.3 is {MAC} on tap1",
    ]


def test_new_index_seen_before_the_old_one_goes(wanted: Desired, settled: Observed) -> None:
    settled.add_link(Link(12, "tap1", "tun", True))
    settled.remove_link(9)
    assert settled.link("tap1") == Link(12, "tap1", "tun", True)
    assert "route 10.0.18.3/32 dev tap1 added" in steps(wanted, settled)


@pytest.mark.parametrize("metric", [0, 100])
def test_route_of_somebody_else_is_reported_not_touched(wanted: Desired, settled: Observed, metric: int) -> None:
    settled.remove_route(PEER)
    settled.add_route(Route("10.7.0.0/16", 2, "192.168.99.1", None, 4, metric), replaces=False)
    found = plan(wanted, settled)
    assert found.changes == []
    assert [problem.subject for problem in found.problems] == ["route 10.7.0.0/16"]
    assert "ip route del 10.7.0.0/16 via 192.168.99.1 dev eth0" in found.problems[0].message


def test_peer_that_moved_is_routed_anew(wanted: Desired, settled: Observed) -> None:
    moved = replace(wanted, peers=(replace(wanted.peers[0], address="192.168.99.18"),))
    assert steps(moved, settled) == ["route 10.7.0.0/16 via 192.168.99.18 replaced"]


def test_peer_on_another_network_is_behind_the_router_that_leads_to_it(wanted: Desired, settled: Observed) -> None:
    for route in (
        Route("192.168.99.0/25", 2, None, "192.168.99.10", 2),
        Route("0.0.0.0/0", 2, "192.168.99.1", None, 16),
        Route("192.168.99.128/25", 2, "192.168.99.2", None, 4),
    ):
        settled.add_route(route, replaces=False)
    assert plan(wanted, settled, routers=True).changes == [], "it is on the host's own network"
    away = replace(wanted, peers=(replace(wanted.peers[0], address="192.168.99.138"),))
    assert [change.text for change in plan(away, settled, routers=True).changes] == [
        "route 10.7.0.0/16 via 192.168.99.2 replaced"
    ]
    assert steps(away, settled) == ["route 10.7.0.0/16 via 192.168.99.138 replaced"], (
        "nobody has said there are routers"
    )


def test_peer_is_reported_as_routed_when_its_router_is_the_next_hop(wanted: Desired, settled: Observed) -> None:
    settled.add_route(Route("0.0.0.0/0", 2, "192.168.99.1", None, 16), replaces=False)
    settled.add_route(Route("10.8.0.0/16", 2, "192.168.99.1", None, 82), replaces=False)
    far = replace(wanted.peers[0], prefix="10.8.0.0/16", address="192.168.98.18")
    away = replace(wanted, peers=(far,))
    for routers, expected in ((True, ["10.8.0.0/16"]), (False, [])):
        report = applied(away, settled, FIREWALL, lambda _: True, [], routers)
        assert [str(prefix) for prefix in report.routes] == expected


def test_what_is_no_longer_wanted_goes(wanted: Desired, settled: Observed) -> None:
    assert sorted(steps(replace(wanted, peers=(), endpoints=()), settled)) == [
        "neighbour 10.0.18.3 removed",
        "route 10.0.18.3/32 removed",
        "route 10.7.0.0/16 removed",
    ]


def test_gateway_of_another_index_goes_but_not_a_foreign_address(wanted: Desired, settled: Observed) -> None:
    settled.addresses |= {Address(5, "10.3.0.1", 16), Address(5, "10.3.0.9", 16), Address(2, "10.3.0.1", 16)}
    assert steps(wanted, settled) == ["address 10.3.0.1 removed"]


def test_interface_of_the_hosts_own_is_refused(wanted: Desired, settled: Observed) -> None:
    own = replace(wanted, endpoints=(replace(wanted.endpoints[0], interface="eth0"),))
    found = plan(own, settled)
    assert [problem.subject for problem in found.problems] == ["endpoint e"]
    assert [change.text for change in found.changes] == ["route 10.0.18.3/32 removed", "neighbour 10.0.18.3 removed"]


def test_mac_that_two_endpoints_have_is_reported(wanted: Desired, settled: Observed) -> None:
    both = replace(wanted, endpoints=(*wanted.endpoints, Endpoint("f", "10.0.18.4", MAC, "tap2")))
    (problem,) = plan(both, settled).problems
    assert problem.subject == "endpoint f"
    assert "that of endpoint e" in problem.message


def test_mac_with_two_addresses_on_one_interface_is_no_problem(wanted: Desired, settled: Observed) -> None:
    both = replace(wanted, endpoints=(*wanted.endpoints, Endpoint("f", "10.0.18.4", MAC, "tap1")))
    found = plan(both, settled)
    assert found.problems == []
    assert steps(both, settled) == [
        "route 10.0.18.4/32 dev tap1 added",
        f"neighbour 10.0.18.4 is {MAC} on tap1",
    ]
    lines = [line for line in configuration(both).splitlines() if MAC in line]
    assert lines == [f"dhcp-host={MAC},set:a0a001203,10.0.18.3"]


def with_lease(wanted: Desired, lease: Lease) -> Desired:
    return replace(wanted, endpoints=tuple(replace(item, lease=lease) for item in wanted.endpoints))


def test_what_an_endpoint_is_told_is_not_in_what_dnsmasq_reads_at_start_only(wanted: Desired) -> None:
    told = with_lease(wanted, Lease(mtu=1400, options=[DhcpOption(number=42, value="192.0.2.1,192.0.2.2")]))
    assert configuration(told) == configuration(wanted)
    assert terms(wanted).options == ""
    assert terms(told).options == "tag:a0a001203,26,1400\ntag:a0a001203,42,192.0.2.1,192.0.2.2\n"


def test_an_option_replaces_ours_of_its_number(wanted: Desired) -> None:
    told = with_lease(wanted, Lease(mtu=1400, options=[DhcpOption(number=26, value="1300")]))
    assert terms(told).options == "tag:a0a001203,26,1300\n"


def test_a_lease_that_is_not_offered_is_ignored(wanted: Desired) -> None:
    closed = with_lease(wanted, Lease(offered=False, mtu=1400))
    assert configuration(closed) == configuration(wanted)
    silent = terms(closed)
    assert (silent.hosts, silent.options) == (f"{MAC},ignore\n", "")


@pytest.mark.parametrize(
    ("lease", "said"),
    [
        ({"nameservers": ["192.0.2.1"] * 64}, "room for 63 nameservers"),
        ({"routes": [{"destination": "192.0.2.0/24", "via": "10.0.0.9"}] * 32}, "the routes take 261 bytes"),
        ({"options": [{"number": 53, "value": "1"}]}, "option 53 is part of DHCP itself"),
        ({"options": [{"number": 42, "value": "192.0.2.1\ntag:b,6,192.0.2.6"}]}, "options.0.value"),
        ({"options": [{"number": 42, "value": "192.0.2.1\n"}]}, "options.0.value"),
        ({"options": [{"number": 42, "value": "a #b"}]}, "options.0.value"),
        ({"options": [{"number": 42, "value": ""}]}, "options.0.value"),
        ({"domain": "example.net,192.0.2.6"}, "domain"),
        ({"domain": "example.net\n"}, "domain"),
        ({"host_name": "web,12"}, "host_name"),
        ({"host_name": "web\n"}, "host_name"),
    ],
)
def test_what_a_lease_cannot_say_is_one_finding(lease: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said) as refused:
        Lease.model_validate(lease)
    assert refused.value.error_count() == 1


def test_a_lease_may_fill_its_options() -> None:
    routes = [DhcpRoute(destination=IPv4Network("192.0.2.0/24"), via=IPv4Address("10.0.0.9"))] * 31
    assert Lease(nameservers=[IPv4Address("192.0.2.1")] * 63, routes=routes)


def test_foreign_device_named_as_the_gateway_is_reported(wanted: Desired, settled: Observed) -> None:
    settled.add_link(Link(5, "romana-gw", "vlan", True))
    found = plan(wanted, settled)
    assert found.changes == []
    assert "is a vlan" in found.problems[0].message


def test_sysctl_that_was_changed_is_set_again(wanted: Desired, settled: Observed) -> None:
    settled.sysctls = {"": {"net/ipv4/ip_forward": "0"}, "tap1": {"net/ipv4/conf/tap1/proxy_arp": "0"}}
    assert steps(wanted, settled) == ["net/ipv4/ip_forward 0 -> 1", "net/ipv4/conf/tap1/proxy_arp 0 -> 1"]


FIREWALL = {
    "taps": frozenset({("tap1",)}),
    "sources": frozenset({("tap1", MAC, "10.0.18.3")}),
    "pairs": frozenset({("10.0.18.0", "10.0.18.0")}),
}


def test_report_of_a_settled_host(wanted: Desired, settled: Observed) -> None:
    report = applied(wanted, settled, FIREWALL, lambda _: True, [])
    assert report.generation == 4
    assert report.errors == []
    assert [str(prefix) for prefix in report.routes] == ["10.7.0.0/16"]
    assert report.endpoints[0].status is EndpointStatus.ACTIVE
    assert len(report.pairs) == 1


def test_report_of_an_endpoint_without_interface(wanted: Desired, settled: Observed) -> None:
    settled.remove_link(9)
    endpoint = applied(wanted, settled, FIREWALL, lambda _: True, []).endpoints[0]
    assert endpoint.status is EndpointStatus.PENDING
    assert endpoint.detail == "interface tap1 does not exist yet"
    assert (endpoint.route, endpoint.lease, endpoint.firewall) == (False, True, True)


def test_report_blames_what_failed(wanted: Desired, settled: Observed) -> None:
    problems = plan(replace(wanted, endpoints=(replace(wanted.endpoints[0], interface="eth0"),)), settled).problems
    report = applied(wanted, settled, {}, lambda _: False, problems)
    assert report.endpoints[0].status is EndpointStatus.ERROR
    assert [error.subject for error in report.errors] == ["endpoint e"]


FLOATING = "203.0.113.5"


def test_a_floating_ip_is_routed_and_answered_for_where_the_hosts_address_is(
    wanted: Desired, settled: Observed
) -> None:
    floating = replace(wanted, endpoints=tuple(replace(one, floating=FLOATING) for one in wanted.endpoints))
    assert steps(floating, settled) == [f"route {FLOATING}/32 dev tap1 added", "answered for on eth0"]
    settled.add_route(Route(f"{FLOATING}/32", 9, None, "10.0.0.1", 82), replaces=False)
    settled.proxies = {Proxy(2, FLOATING)}
    assert steps(floating, settled) == []
    assert steps(wanted, settled) == [f"route {FLOATING}/32 removed", "no longer answered for on eth0"]
    settled.addresses -= {Address(2, "192.168.99.10", 24)}
    (problem,) = plan(floating, settled).problems
    assert problem.subject == f"floating IP {FLOATING}"
    assert "no interface has the host's address 192.168.99.10" in problem.message


def test_proxies_go_with_their_interface(settled: Observed) -> None:
    settled.proxies = {Proxy(2, FLOATING)}
    settled.add_link(Link(2, "eth0", "", False))
    assert settled.proxies == set()


def test_neighbours_take_the_announcement_of_an_address_as_news() -> None:
    frame = announcement("02:00:00:00:99:10", FLOATING)
    assert frame[:14] == b"\xff" * 6 + bytes.fromhex("020000009910") + b"\x08\x06"
    assert frame[14:22] == b"\x00\x01\x08\x00\x06\x04\x00\x01"  # Ethernet, IPv4, a request
    own = bytes.fromhex("020000009910") + bytes([203, 0, 113, 5])
    assert frame[22:] == own + bytes(6) + bytes([203, 0, 113, 5])
