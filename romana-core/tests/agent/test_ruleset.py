"""The firewall as data, without a kernel."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from romana.agent import floating, forwarding
from romana.agent.connections import Connection
from romana.agent.desired import Desired, Forwarding, desired
from romana.agent.ruleset import (
    Elements,
    change,
    create,
    elements,
    inet_table,
    observe,
    passing_table,
    shape,
)
from romana.models import Bandwidth, BandwidthLimit, HostState, Plan, StateEndpoint, StateHost, StateSegment


def wanted(
    segments: int = 1,
    endpoints: int = 1,
    owners: tuple[int | None, ...] = (None,),
    bandwidth: Bandwidth = Bandwidth(),  # noqa: B008 - nobody changes it
) -> Desired:
    """owners: of the peers, whose indexes are from 7 on. bandwidth: of each endpoint."""
    return desired(
        HostState(
            generation=1,
            plan=Plan(),
            host=StateHost(name="a", index=0, address=IPv4Address("192.168.99.10")),
            peers=[
                StateHost(name=f"b{n}", index=n, address=IPv4Address(f"192.168.99.{10 + n}"), owner=owner,
                          mac=f"52:54:00:00:00:{n:02x}" if any(owners) else None)
                for n, owner in enumerate(owners, 7)
            ],
            segments=[StateSegment(tenant=1 + n // 15, segment=1 + n % 15) for n in range(segments)],
            rules=[],
            endpoints=[
                StateEndpoint(id=f"e{n}", address=IPv4Address(f"10.0.17.{3 + n}"), mac="02:00:00:00:00:01",
                              interface=f"tap{n}", bandwidth=bandwidth) for n in range(endpoints)
            ],
        ),
        {},
    )  # fmt: skip


def test_rules_do_not_depend_on_how_much_there_is() -> None:
    limit = BandwidthLimit(rate=1)
    many = wanted(200, 200, bandwidth=Bandwidth(egress=limit, ingress=limit))
    assert create(inet_table(wanted(1, 1))) == create(inet_table(many))


@pytest.mark.parametrize("routers", [False, True])
def test_rules_do_not_depend_on_how_many_hosts_belong_to_whom(routers: bool) -> None:
    few, many = wanted(owners=(3,)), wanted(200, owners=(None, *range(1, 16)) * 10)
    assert create(inet_table(few, routers=routers)) == create(inet_table(many, routers=routers))
    chains = inet_table(few, routers=routers).chains.values()
    before = inet_table(wanted(), routers=routers).chains.values()
    assert sum(len(chain.rules) for chain in chains) == sum(len(chain.rules) for chain in before) + 6


def test_rules_do_not_depend_on_how_many_floating_ips_there_are() -> None:
    few = wanted(1, 1)
    (one,) = few.endpoints
    many = replace(few, endpoints=tuple(replace(one, floating=f"203.0.113.{n}") for n in (1, 2)))
    assert create(inet_table(few)) == create(inet_table(many))
    members = elements(many, [], before=["203.0.113.2", "203.0.113.9"])["inet"]
    assert members["floats"] == members["floating"] == {("203.0.113.1", "10.0.17.3"), ("203.0.113.2", "10.0.17.3")}
    assert members["known_floats"] == {("203.0.113.1",), ("203.0.113.2",), ("203.0.113.9",)}


def test_rules_do_not_depend_on_how_many_ports_are_forwarded() -> None:
    few = wanted(1, 1)
    ports = tuple(
        Forwarding("203.0.113.5", "6", str(n), "10.0.17.3" if n % 2 else "10.7.17.3", "22",
                   None if n % 2 else "192.168.99.17", None)
        for n in range(1, 5)
    )  # fmt: skip
    many = replace(few, forwardings=ports, by_port=frozenset({"203.0.113.5"}), answered=frozenset({"203.0.113.5"}))
    assert create(inet_table(few)) == create(inet_table(many))
    members = elements(many, [], front=["eth0"])
    assert members["inet"]["floats"] == {("203.0.113.5", "10.0.17.3"), ("203.0.113.5", "10.7.17.3")}
    assert ("203.0.113.5", "6", "2", "10.7.17.3 . 22") in members["inet"]["forwarded"]
    assert not members["inet"]["brought"]
    to_others = {("203.0.113.5", "6", port, "192.168.99.17") for port in ("2", "4")}
    assert members["ip"] == {"front": {("eth0",)}, "passed_on": to_others, "passed_on_errors": to_others}
    left_out = elements(many, [], needed=["203.0.113.5"])
    assert not any(left_out["ip"].values())
    assert not left_out["inet"]["forwarded"] | left_out["inet"]["floats"] | left_out["inet"]["by_port"]


def test_who_brings_to_an_endpoint_of_this_host_is_known() -> None:
    port = Forwarding("203.0.113.5", "17", "53", "10.0.17.3", "5353", None, "192.168.99.17")
    state = replace(wanted(), forwardings=(port,), by_port=frozenset({"203.0.113.5"}))
    members = elements(state, [])
    assert members["inet"]["brought"] == {("192.168.99.17", "10.0.17.3", "17", "5353")}
    assert not members["ip"]["passed_on"]


@pytest.mark.parametrize(
    ("asked_port", "protocol", "answerer", "outdated"),
    [
        (2222, 6, ("10.0.17.3", 22), False),
        (2222, 6, ("10.0.17.3", 23), True),
        (2222, 17, ("10.0.17.3", 22), True),
        (2223, 6, ("10.0.17.3", 22), True),  # gone, although another port leads there
        (2222, 6, ("203.0.113.5", 2222), True),  # tracked before it was forwarded
        (2223, 6, ("203.0.113.5", 2223), False),
    ],
)
def test_a_connection_that_another_port_was_asked_for_is_outdated(
    asked_port: int, protocol: int, answerer: tuple[str, int], outdated: bool
) -> None:
    port = Forwarding("203.0.113.5", "6", "2222", "10.0.17.3", "22", None, None)
    now = floating.Translations.of(elements(replace(wanted(), forwardings=(port,)), [])["inet"])
    one = Connection("192.0.2.1", "203.0.113.5", answerer[0], "192.0.2.1", protocol, asked_port, answerer[1], b"")
    assert floating.is_outdated(one, now) == outdated


@pytest.mark.parametrize("data", ["ipv4_addr . inet_service", ["ipv4_addr", "inet_service"]], ids=["1.0.6", "1.1.3"])
def test_maps_whose_data_are_two_fields_are_read_as_they_are_written(data: object) -> None:
    """ids: the versions of nft that print it so."""
    element = [{"concat": ["203.0.113.5", 6, 2222]}, {"concat": ["10.0.17.3", 22]}]
    listed = {"name": "forwarded", "type": list(forwarding.SERVICE), "map": data, "elem": [element]}
    found = observe(json.dumps({"nftables": [{"map": listed}]}))
    assert found.elements == {"forwarded": {("203.0.113.5", "6", "2222", "10.0.17.3 . 22")}}
    assert found.shape <= shape(inet_table(wanted()))
    change_back = change(inet_table(wanted()), {"forwarded": frozenset()}, found.elements)
    assert change_back == ["delete element inet romana forwarded { 203.0.113.5 . 6 . 2222 : 10.0.17.3 . 22 }"]


def test_expressions_that_a_map_is_of_are_known_by_their_types() -> None:
    about = [
        {"payload": {"protocol": "ip", "field": "daddr"}},
        {"payload": {"base": "th", "offset": 136, "len": 8}},
        {"payload": {"base": "th", "offset": 224, "len": 16}},
    ]
    listed = {"name": "passed_on_errors", "type": {"typeof": {"concat": about}}, "map": "ipv4_addr"}
    assert observe(json.dumps({"nftables": [{"map": listed}]})).shape <= shape(passing_table())


def test_what_is_within_a_pair_is_looked_up_in_nothing_of_floating_ips() -> None:
    chains = inet_table(wanted()).chains
    assert chains["forward"].rules[0].endswith("@pairs goto paired")
    there = (*floating.MAPS, *floating.SETS, "forwarded", "by_port", "brought")
    for name in ("prerouting", "own_source", "paired"):
        rules = [rule for rule in chains[name].rules if f"ip daddr != {wanted().plan.cidr} " not in rule]
        assert not [rule for rule in rules for one in there if f"@{one}" in rule]


def test_a_peer_may_send_what_is_its_own_or_its_owners() -> None:
    members = elements(wanted(owners=(None, 3)), [])["inet"]
    assert members["senders"] == {("10.7.0.0", "52:54:00:00:00:07"), ("10.8.48.0", "52:54:00:00:00:08")}
    assert members["owned"] == {("10.8.48.0",)}
    assert members["remotes"] == {("10.7.0.0",)}
    behind = elements(wanted(owners=(None, 3)), [], routers=True)["inet"]
    assert behind["senders"] == {("10.7.0.0",), ("10.8.48.0",)}


def test_a_peer_whose_mac_is_unknown_may_send_nothing() -> None:
    state = wanted(owners=(None, 3))
    silent = replace(state, peers=tuple(replace(peer, mac=None) for peer in state.peers))
    assert elements(silent, [])["inet"]["senders"] == frozenset()


def test_without_owners_nobody_is_restricted() -> None:
    assert not {"senders", "owned"} & elements(wanted(), [])["inet"].keys()
    assert "sender" not in inet_table(wanted()).chains


def test_only_what_differs_is_changed() -> None:
    before, after = elements(wanted(2, 1), [])["inet"], elements(wanted(2, 2), [])["inet"]
    table = inet_table(wanted())
    assert change(table, after, before) == [
        "add element inet romana taps { tap1 }",
        "add element inet romana sources { tap1 . 02:00:00:00:00:01 . 0.0.0.0, tap1 . 02:00:00:00:00:01 . 10.0.17.4 }",
        "add element inet romana free { 10.0.17.4 }",
        "add element inet romana clients { tap1 . 2199023255553 }",
    ]
    assert change(table, before, before) == []


def limited(rate: int, burst: int = 0) -> Elements:
    limit = BandwidthLimit(rate=rate, burst=burst)
    return elements(wanted(bandwidth=Bandwidth(egress=limit)), [])["inet"]


def test_a_limit_that_changes_is_another_one() -> None:
    assert change(inet_table(wanted()), limited(2000, 800), limited(1000)) == [
        "delete element inet romana egress_limits { tap0 : egress-tap0-125000-65536 }",
        "delete limit inet romana egress-tap0-125000-65536",
        "add limit inet romana egress-tap0-250000-100000 { rate over 250000 bytes/second burst 100000 bytes; }",
        "add element inet romana egress_limits { tap0 : egress-tap0-250000-100000 }",
    ]


def test_an_interface_of_two_endpoints_has_one_limit() -> None:
    limit = BandwidthLimit(rate=1000)
    state = wanted(endpoints=2, bandwidth=Bandwidth(ingress=limit))
    moving = replace(state, endpoints=tuple(replace(item, interface="tap0") for item in state.endpoints))
    assert elements(moving, [])["inet"]["ingress_limits"] == {("tap0", "ingress-tap0-125000-65536")}


@pytest.mark.parametrize(
    "changes",
    [{"rate": 126}, {"rate_unit": "mbytes"}, {"per": "minute"}, {"inv": False}, {"burst": 63}, {"burst_unit": None},
     {"name": "mine"}, {"name": "mine-a-b"}],
    ids=str,
)  # fmt: skip
def test_a_limit_that_is_not_what_its_name_says_is_noticed(changes: dict[str, object]) -> None:
    limit = {"name": "egress-tap0-129024-65536", "per": "second", "inv": True, "rate": 126, "rate_unit": "kbytes",
             "burst": 64, "burst_unit": "kbytes"}  # fmt: skip
    found = observe(json.dumps({"nftables": [{"limit": limit}]}))
    assert (found.shape, found.elements) == (frozenset(), {"limits": {(limit["name"],)}})
    different = limit | {"rate": 126} | changes
    if different == limit:
        different["rate"] = 127
    found = observe(json.dumps({"nftables": [{"limit": different}]}))
    assert found.shape
    assert not found.elements


def test_a_tap_stays_shut_while_it_outlives_its_endpoint() -> None:
    members = elements(wanted(1, 0), ["tap9"])["inet"]
    assert members["taps"] == {("tap9",)}
    assert not members["sources"]


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ("10.0.0.1", ("10.0.0.1",)),
        ({"prefix": {"addr": "192.168.0.0", "len": 24}}, ("192.168.0.0-192.168.0.255",)),
        ({"concat": ["tap1", {"range": [80, 90]}, {"range": [7, 7]}, 6]}, ("tap1", "80-90", "7", "6")),
        ({"concat": [{"prefix": {"addr": "10.0.0.1", "len": 32}}, {"range": ["1.1.1.1", "1.1.1.3"]}]},
         ("10.0.0.1", "1.1.1.1-1.1.1.3")),
        ({"elem": {"val": "tap1", "comment": "x"}}, ("tap1",)),
    ],
)  # fmt: skip
def test_elements_are_read_in_every_form_nft_prints(listed: object, expected: tuple[str, ...]) -> None:
    listing = {"nftables": [{"set": {"name": "s", "type": "ifname", "elem": [listed]}}]}
    assert observe(json.dumps(listing)).elements == {"s": {expected}}
