"""What may pass, as disjoint elements."""

from __future__ import annotations

import itertools
from ipaddress import IPv4Address, IPv4Network

from hypothesis import given
from hypothesis import strategies as st

from romana.addressing import AddressPlan
from romana.agent.traffic import NUMBERS, Services, cut, merge, traffic
from romana.models import Protocol, Selector, StateRule, StateSegment

PLAN = AddressPlan()
S1, S2 = Selector(tenant=1, segment=1), Selector(tenant=1, segment=2)

ports = st.tuples(st.integers(1, 60), st.integers(0, 9)).map(lambda pair: (pair[0], pair[0] + pair[1]))
services = st.lists(st.tuples(st.sampled_from(list(Protocol)), st.lists(ports, max_size=3)), max_size=3)
networks = st.tuples(st.integers(0, 63), st.integers(26, 32)).map(
    lambda pair: IPv4Network((0xC0A80000 + pair[0], pair[1]), strict=False)
)


def made(parts: list[tuple[Protocol, list[tuple[int, int]]]]) -> Services:
    result = Services()
    for protocol, intervals in parts:
        result.add(NUMBERS.get(protocol), intervals)
    return result


def allows(elements: list[tuple[str, str]], protocol: int, port: int) -> int:
    """How many elements match."""

    def inside(text: str, number: int) -> bool:
        low, _, high = text.partition("-")
        return int(low) <= number <= int(high or low)

    return sum(inside(protocols, protocol) and inside(ports, port) for protocols, ports in elements)


def test_each_segment_may_talk_to_itself() -> None:
    found = traffic(PLAN, [StateSegment(tenant=1, segment=1), StateSegment(tenant=2, segment=3)], [])
    assert found.pairs == {("10.0.17.0", "10.0.17.0"), ("10.0.35.0", "10.0.35.0")}
    assert not found.flows | found.inward | found.outward


def test_rule_for_any_protocol_is_a_pair_in_one_direction() -> None:
    found = traffic(PLAN, [], [StateRule(source=S1, target=S2, protocol=Protocol.ANY)])
    assert found.pairs == {("10.0.17.0", "10.0.18.0")}


def test_rule_with_ports_is_a_flow() -> None:
    rule = StateRule(source=S1, target=S2, protocol=Protocol.TCP, ports=[(80, 80), (8000, 8010)])
    assert traffic(PLAN, [], [rule]).flows == {
        ("10.0.17.0", "10.0.18.0", "6", "80"),
        ("10.0.17.0", "10.0.18.0", "6", "8000-8010"),
    }


def test_rule_within_an_allowed_pair_adds_nothing() -> None:
    rule = StateRule(source=S1, target=S1, protocol=Protocol.TCP, ports=[(80, 80)])
    assert not traffic(PLAN, [StateSegment(tenant=1, segment=1)], [rule]).flows


def test_rules_with_a_cidr_go_inward_and_outward() -> None:
    outside = Selector(cidr=IPv4Network("192.168.0.0/24"))
    found = traffic(
        PLAN,
        [],
        [
            StateRule(source=outside, target=S1, protocol=Protocol.ICMP),
            StateRule(source=S2, target=outside, protocol=Protocol.UDP, ports=[(53, 53)]),
        ],
    )
    assert found.inward == {("192.168.0.0-192.168.0.255", "10.0.17.0", "1", "0-65535")}
    assert found.outward == {("10.0.18.0", "192.168.0.0-192.168.0.255", "17", "53")}


def test_intervals_that_touch_are_merged() -> None:
    assert merge([(5, 9), (1, 4), (11, 12)]) == [(1, 9), (11, 12)]


@given(services)
def test_services_allow_what_was_added_exactly_once(parts: list[tuple[Protocol, list[tuple[int, int]]]]) -> None:
    numbers = {Protocol.ICMP: 1, Protocol.TCP: 6, Protocol.UDP: 17}
    elements = made(parts).elements()
    for protocol in (1, 6, 17, 47):
        for port in (0, 1, 5, 30, 60, 69, 70, 65535):
            expected = any(
                kind is Protocol.ANY
                or (numbers[kind] == protocol and (not ports or any(low <= port <= high for low, high in ports)))
                for kind, ports in parts
            )
            assert allows(elements, protocol, port) == expected


@given(st.lists(st.tuples(networks, services), max_size=5))
def test_cut_networks_are_disjoint_and_allow_the_same(
    allowed: list[tuple[IPv4Network, list[tuple[Protocol, list[tuple[int, int]]]]]],
) -> None:
    pieces = cut([(network, made(parts)) for network, parts in allowed])
    assert all(before[1] < after[0] for (before, _), (after, _) in itertools.pairwise(pieces))
    for number in range(0xC0A80000, 0xC0A80040):
        around = Services()
        for network, parts in allowed:
            if IPv4Address(number) in network:
                around.update(made(parts))
        here = [found.elements() for (low, high), found in pieces if low <= number <= high]
        assert (here[0] if here else []) == around.elements()
