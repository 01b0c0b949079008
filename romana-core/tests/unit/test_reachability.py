"""Who may talk to whom: the documented cases and, by property, that policies open what they say and nothing else."""

from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from romana.addressing import AddressPlan
from romana.agent.traffic import NUMBERS, Element, Traffic, traffic
from romana.models import Peer, PolicyCreate, Protocol, Selector, StateRule, StateSegment, port_bounds
from romana.reachability import Party, allowed

# Few of everything, so that policies and conversations often meet.
TENANTS = ("admin", "demo")
SEGMENTS = ("s1", "s2")
WITH_PORTS = (Protocol.TCP, Protocol.UDP)
OUTSIDE = [IPv4Network("192.0.2.0/24"), IPv4Network("192.0.2.128/25"), IPv4Network("0.0.0.0/0")]


def endpoint(tenant: str, segment: str, number: int = 3) -> Party:
    return Party(
        IPv4Address(f"10.0.{TENANTS.index(tenant) * 16 + SEGMENTS.index(segment) + 17}.{number}"), tenant, segment
    )


endpoints = st.builds(endpoint, st.sampled_from(TENANTS), st.sampled_from(SEGMENTS), st.integers(3, 9))
outsiders = st.builds(
    Party, st.sampled_from([IPv4Address("192.0.2.1"), IPv4Address("192.0.2.200"), IPv4Address("203.0.113.9")])
)
parties = st.one_of(endpoints, outsiders)
tenant_peers = st.builds(Peer, tenant=st.sampled_from(TENANTS), segment=st.sampled_from((None, *SEGMENTS)))
peers = st.one_of(tenant_peers, st.builds(Peer, cidr=st.sampled_from(OUTSIDE)))
ports = st.sampled_from([1, 79, 80, 81, 8080, 65535])


@st.composite
def port_ranges(draw: st.DrawFn) -> str:
    low, high = sorted((draw(ports), draw(ports)))
    return draw(st.sampled_from([str(low), f"{low}-{high}"]))


@st.composite
def policies(draw: st.DrawFn) -> PolicyCreate:
    protocol = draw(st.sampled_from(list(Protocol)))
    source, target = draw(st.sampled_from([(tenant_peers, peers), (peers, tenant_peers)]))
    return PolicyCreate(
        name="p",
        source=draw(source),
        target=draw(target),
        protocol=protocol,
        ports=draw(st.lists(port_ranges(), max_size=3)) if protocol in WITH_PORTS else [],
    )


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Party, Party, Protocol, int | None]:
    protocol = draw(st.sampled_from([Protocol.TCP, Protocol.UDP, Protocol.ICMP]))
    return draw(parties), draw(parties), protocol, draw(ports) if protocol in WITH_PORTS else None


def same_segment(source: Party, target: Party) -> bool:
    return source.tenant is not None and (source.tenant, source.segment) == (target.tenant, target.segment)


def test_documented_cases() -> None:
    s1, s2, demo = endpoint("admin", "s1"), endpoint("admin", "s2"), endpoint("demo", "s1")
    assert allowed([], s1, endpoint("admin", "s1", 4), Protocol.ICMP)
    assert not allowed([], s1, s2, Protocol.ICMP)
    assert not allowed([], s1, demo, Protocol.TCP, 80)
    web = PolicyCreate(
        name="web",
        source=Peer(tenant="demo", segment="s1"),
        target=Peer(tenant="admin", segment="s1"),
        protocol=Protocol.TCP,
        ports=["80", "8000-8080"],
    )
    assert allowed([web], demo, s1, Protocol.TCP, 80)
    assert allowed([web], demo, s1, Protocol.TCP, 8080)
    assert not allowed([web], demo, s1, Protocol.TCP, 8081)
    assert not allowed([web], demo, s1, Protocol.UDP, 80)
    assert not allowed([web], demo, s1, Protocol.ICMP)
    assert not allowed([web], s1, demo, Protocol.TCP, 80)
    assert not allowed([web], demo, s2, Protocol.TCP, 80)


def test_cidr_means_addresses_outside_the_plan_only() -> None:
    everyone = PolicyCreate(name="p", source=Peer(cidr=IPv4Network("0.0.0.0/0")), target=Peer(tenant="admin"))
    target = endpoint("admin", "s1")
    assert allowed([everyone], Party(IPv4Address("192.0.2.1")), target, Protocol.TCP, 22)
    assert not allowed([everyone], endpoint("demo", "s1"), target, Protocol.TCP, 22)


@given(conversations())
def test_without_policies_only_a_segment_reaches_itself(
    conversation: tuple[Party, Party, Protocol, int | None],
) -> None:
    source, target, protocol, port = conversation
    assert allowed([], source, target, protocol, port) == same_segment(source, target)


@given(st.lists(policies(), max_size=4), policies(), conversations())
def test_one_more_policy_never_closes_anything(
    some: list[PolicyCreate], more: PolicyCreate, conversation: tuple[Party, Party, Protocol, int | None]
) -> None:
    assert allowed([*some, more], *conversation) >= allowed(some, *conversation)


@given(st.lists(policies(), max_size=4), conversations())
def test_policies_open_exactly_the_union_of_what_each_opens(
    some: list[PolicyCreate], conversation: tuple[Party, Party, Protocol, int | None]
) -> None:
    each = any(allowed([policy], *conversation) for policy in some)
    assert allowed(some, *conversation) == (each or same_segment(conversation[0], conversation[1]))


@given(policies(), conversations())
def test_a_policy_opens_nothing_it_does_not_name(
    policy: PolicyCreate, conversation: tuple[Party, Party, Protocol, int | None]
) -> None:
    source, target, protocol, port = conversation
    if same_segment(source, target) or not allowed([policy], *conversation):
        return
    for peer, party in ((policy.source, source), (policy.target, target)):
        if peer.cidr is not None:
            assert party.tenant is None
            assert party.address in peer.cidr
        else:
            assert party.tenant == peer.tenant
            assert peer.segment is None or party.segment == peer.segment
    assert policy.protocol in (Protocol.ANY, protocol)
    if policy.ports:
        bounds = [(int(low), int(high or low)) for low, _, high in (text.partition("-") for text in policy.ports)]
        assert any(port in range(low, high + 1) for low, high in bounds)


@given(st.sampled_from(WITH_PORTS), ports, endpoints, endpoints)
def test_a_policy_opens_what_it_names(protocol: Protocol, port: int, source: Party, target: Party) -> None:
    policy = PolicyCreate(
        name="p",
        source=Peer(tenant=source.tenant, segment=source.segment),
        target=Peer(tenant=target.tenant),
        protocol=protocol,
        ports=[f"{port}"],
    )
    assert allowed([policy], source, target, protocol, port)
    reverse = allowed([policy], target, source, protocol, port)
    assert reverse == same_segment(source, target), "the other direction stays as it was"


@pytest.mark.parametrize(("protocol", "port"), [(Protocol.TCP, None), (Protocol.ICMP, 80), (Protocol.ANY, 80)])
def test_a_port_belongs_to_tcp_and_udp(protocol: Protocol, port: int | None) -> None:
    with pytest.raises(ValueError, match="port"):
        allowed([], endpoint("admin", "s1"), endpoint("admin", "s1"), protocol, port)


# --- what is expected, and what agents are told to let pass ----------------------------------------------------------

PLAN = AddressPlan()
NUMBERED = {
    (tenant, segment): (number, part)
    for number, tenant in enumerate(TENANTS, 1)
    for part, segment in enumerate(SEGMENTS, 1)
}


def selectors(peer: Peer) -> list[Selector]:
    """A side of a policy in numbers: one for each segment it means."""
    if peer.cidr is not None:
        return [Selector(cidr=peer.cidr)]
    return [
        Selector(tenant=number, segment=part)
        for (tenant, segment), (number, part) in NUMBERED.items()
        if tenant == peer.tenant and peer.segment in (None, segment)
    ]


def rules(policy: PolicyCreate) -> list[StateRule]:
    bounds = [port_bounds(text) for text in policy.ports]
    return [
        StateRule(source=source, target=target, protocol=policy.protocol, ports=bounds)
        for source in selectors(policy.source)
        for target in selectors(policy.target)
    ]


def key(party: Party) -> str:
    return str(PLAN.segment_key(*NUMBERED[party.tenant or "", party.segment or ""]))


def within(text: str, number: int) -> bool:
    low, _, high = text.partition("-")
    return int(low) <= number <= int(high or low)


def around(text: str, address: IPv4Address) -> bool:
    low, _, high = text.partition("-")
    return IPv4Address(low) <= address <= IPv4Address(high or low)


def passes(told: Traffic, source: Party, target: Party, protocol: Protocol, port: int | None) -> bool:
    """What a firewall with these elements does with the first packet of a conversation."""

    def service(element: Element) -> bool:
        return within(element[2], NUMBERS[protocol]) and within(element[3], port or 0)

    if source.tenant and target.tenant:
        pair = (key(source), key(target))
        return pair in told.pairs or any(element[:2] == pair and service(element) for element in told.flows)
    if target.tenant:
        inward = (element for element in told.inward if element[1] == key(target))
        return any(around(element[0], source.address) and service(element) for element in inward)
    if source.tenant:
        outward = (element for element in told.outward if element[0] == key(source))
        return any(around(element[1], target.address) and service(element) for element in outward)
    return False


@given(st.lists(policies(), min_size=1, max_size=6), conversations())
@settings(max_examples=500)
def test_agents_are_told_to_let_pass_just_what_is_expected(
    some: list[PolicyCreate], conversation: tuple[Party, Party, Protocol, int | None]
) -> None:
    segments = [StateSegment(tenant=tenant, segment=segment) for tenant, segment in NUMBERED.values()]
    told = traffic(PLAN, segments, [rule for policy in some for rule in rules(policy)])
    assert passes(told, *conversation) == allowed(some, *conversation)
