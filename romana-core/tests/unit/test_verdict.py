"""Who lets a conversation begin, and who does not."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

import pytest

from romana.models import (
    AddressPair,
    Direction,
    Endpoint,
    EndpointStatus,
    Group,
    GroupRule,
    Lease,
    Peer,
    Permissions,
    Policy,
    Protocol,
    Router,
    RouterSegment,
)
from romana.verdict import EGRESS, ENDPOINT, INGRESS, SEGMENTS, Service, Side, Step, describe, verdict

SSH, PING, GRE = Service(6, port=22), Service(1, kind=(8, 0)), Service(47)
OUT = GroupRule(direction=Direction.EGRESS)
OUTSIDE = Side(IPv4Network("192.0.2.7"))


def side(name: str, segment: str = "s1", **permissions: object) -> Side:
    address = IPv4Address(f"10.0.17.{ord(name)}")
    endpoint = Endpoint(
        id=name, name=name, host="h", tenant="t", segment=segment, address=address, mac="02:00:00:00:00:01",
        interface=name, permissions=Permissions.model_validate(permissions), lease=Lease(),
        status=EndpointStatus.ACTIVE, generation=1,
    )  # fmt: skip
    return Side(IPv4Network(address), endpoint)


def group(name: str, *rules: GroupRule) -> Group:
    return Group(id=name, name=None, rules=list(rules), endpoints=0, generation=1)


def ingress(**values: object) -> GroupRule:
    return GroupRule.model_validate({"direction": "ingress", **values})


def ask(
    source: Side, target: Side, service: Service, *groups: Group, policies: list[Policy] | None = None
) -> list[Step]:
    there = [one.endpoint for one in (source, target) if one.endpoint]
    return verdict(source, target, service, policies or [], {one.id: one for one in groups}, there)


def passes(steps: list[Step]) -> bool:
    return all(step.passes for step in steps)


def test_segments_alone_where_groups_have_no_say() -> None:
    steps = ask(side("a"), side("b"), SSH)
    assert passes(steps)
    assert [step.why for step in steps] == ["both are in t/s1", *["groups have no say about it"] * 2]
    steps = ask(side("a"), side("b", "s2"), SSH)
    assert [step.why for step in steps if not step.passes] == ["no policy and no router lets t/s1 ask t/s2 for this"]


def test_the_router_that_lets_pass_is_named() -> None:
    sides = [RouterSegment(tenant="t", segment=segment) for segment in ("s1", "s2")]
    for name, called in ((None, "r"), ("edge one", "edge one")):
        router = Router(id="r", name=name, segments=sides, outside=True, generation=1)
        for source, target, why in (
            (side("a"), side("b", "s2"), "t/s1 ask t/s2"),
            (side("b", "s2"), side("a"), "t/s2 ask t/s1"),
            (side("a"), OUTSIDE, "t/s1 ask 192.0.2.7"),
        ):
            there = [one.endpoint for one in (source, target) if one.endpoint]
            step = verdict(source, target, GRE, [], {}, there, [router])[0]
            assert step == Step("segments and policies", True, f"router {called} lets {why}", SEGMENTS)
        assert not passes(verdict(OUTSIDE, side("a"), SSH, [], {}, [], [router]))
        assert not passes(verdict(side("a"), side("c", "s3"), SSH, [], {}, [], [router]))


def test_a_floating_ip_is_for_everybody_outside_and_groups_judge_them() -> None:
    own = side("a", groups=["g"])
    asked = replace(own, floating=IPv4Address("203.0.113.5"))
    rule = ingress(protocol=6, ports="22", remotes=["192.0.2.0/24"])
    steps = ask(OUTSIDE, asked, SSH, group("g", rule))
    assert passes(steps)
    assert steps[0].why == "floating IP 203.0.113.5 is for everybody outside to ask"
    assert str(asked) == "203.0.113.5 (a)"
    assert not passes(ask(OUTSIDE, own, SSH, group("g", rule)))
    assert not passes(ask(Side(IPv4Network("198.51.100.1")), asked, SSH, group("g", rule)))


@pytest.mark.parametrize(
    ("host", "segment", "way_outside", "passing"),
    [
        ("h", "s1", False, True),  # they may talk anyway
        ("h", "s2", False, False),
        ("h", "s2", True, True),
        ("other", "s1", False, False),
        ("other", "s1", True, True),
    ],
)
def test_who_is_inside_asks_a_floating_ip_as_something_outside(
    host: str, segment: str, way_outside: bool, passing: bool
) -> None:
    asker = side("a", segment)
    assert asker.endpoint is not None
    asker = replace(asker, endpoint=asker.endpoint.model_copy(update={"host": host}))
    asked = replace(side("b"), floating=IPv4Address("203.0.113.5"))
    way = Router(id="r", name="edge", segments=[RouterSegment(tenant="t", segment=segment)], outside=True, generation=1)
    there = [one.endpoint for one in (asker, asked) if one.endpoint]
    steps = verdict(asker, asked, SSH, [], {}, there, [way] if way_outside else [])
    assert passes(steps) == passing
    if not passing:
        assert steps[0].why == f"no policy and no router lets t/{segment} ask 203.0.113.5 for this"
    elif way_outside:
        assert steps[0].why == f"router edge lets t/{segment} ask 203.0.113.5"


@pytest.mark.parametrize(("host", "remotes"), [("h", "10.0.17.97/32"), ("other", "192.0.2.9/32")])
def test_groups_see_the_floating_ip_and_what_its_asker_has_outside(host: str, remotes: str) -> None:
    asker = side("a", groups=["out"])
    assert asker.endpoint is not None
    endpoint = asker.endpoint.model_copy(update={"host": host})
    asker = replace(asker, endpoint=endpoint, outside=IPv4Address("192.0.2.9"))
    asked = replace(side("b", groups=["in"]), floating=IPv4Address("203.0.113.5"))
    anywhere = Policy(
        name="way",
        source=Peer(tenant="t"),
        target=Peer(cidr="0.0.0.0/0"),
        protocol=Protocol.ANY,
        ports=[],
        generation=1,
    )
    to_it = GroupRule(direction=Direction.EGRESS, remotes=["203.0.113.5/32"])
    to_others = GroupRule(direction=Direction.EGRESS, remotes=["10.0.17.98/32"])
    lets_in = group("in", ingress(remotes=[remotes]))
    assert passes(ask(asker, asked, SSH, group("out", to_it), lets_in, policies=[anywhere]))
    assert not passes(ask(asker, asked, SSH, group("out", to_others), lets_in, policies=[anywhere]))
    others = group("in", ingress(remotes=["192.0.2.10/32", "10.0.17.98/32"]))
    assert not passes(ask(asker, asked, SSH, group("out", to_it), others, policies=[anywhere]))


def test_a_forwarded_port_is_judged_as_the_one_that_is_asked_for_by_who_asks_and_as_its_own_by_the_endpoint() -> None:
    asked = replace(side("b", groups=["in"]), floating=IPv4Address("203.0.113.5"), port=22, answering="h0")
    outer, service = GroupRule(direction=Direction.EGRESS, protocol=6, ports="2222"), Service(6, port=2222)
    asker = replace(side("a", "s2", groups=["out"]), outside=IPv4Address("192.0.2.9"))
    way = Policy(name="way", source=Peer(tenant="t"), target=Peer(cidr="203.0.113.5/32"), protocol=Protocol.TCP,
                 ports=["2222"], generation=1)  # fmt: skip
    lets = [group("out", outer), group("in", ingress(protocol=6, ports="22"))]
    assert str(asked) == "203.0.113.5 (b:22)"
    assert passes(ask(asker, asked, service, *lets, policies=[way]))
    assert passes(ask(OUTSIDE, asked, service, lets[1]))
    assert not passes(
        ask(asker, asked, service, lets[0], group("in", ingress(protocol=6, ports="2222")), policies=[way])
    )
    inner = GroupRule(direction=Direction.EGRESS, protocol=6, ports="22")
    assert not passes(ask(asker, asked, service, group("out", inner), lets[1], policies=[way]))
    assert not passes(ask(asker, asked, service, *lets, policies=[way.model_copy(update={"ports": ["22"]})]))


@pytest.mark.parametrize(("host", "passing"), [("h", True), ("h0", True), ("h1", False)])
def test_mates_need_no_way_out_where_their_host_translates(host: str, passing: bool) -> None:
    asker = side("a")
    assert asker.endpoint is not None
    asker = replace(asker, endpoint=asker.endpoint.model_copy(update={"host": host}))
    asked = replace(side("b"), floating=IPv4Address("203.0.113.5"), port=22, answering="h0")
    assert passes(ask(asker, asked, SSH)) == passing


def test_a_port_that_is_not_forwarded_leads_nowhere() -> None:
    nowhere = Side(IPv4Network("203.0.113.5"), floating=IPv4Address("203.0.113.5"), answering="h0")
    (step,) = ask(OUTSIDE, nowhere, SSH)
    assert (step.passes, step.why) == (False, "this is no port of floating IP 203.0.113.5 that leads to an endpoint")


def test_the_policy_that_lets_pass_is_named() -> None:
    policy = Policy(
        name="web", source=Peer(tenant="t"), target=Peer(tenant="t", segment="s2"), protocol=Protocol.TCP,
        ports=["22"], generation=1,
    )  # fmt: skip
    steps = ask(side("a"), side("b", "s2"), SSH, policies=[policy])
    assert steps[0] == Step("segments and policies", True, "policy web lets t/s1 ask t/s2", SEGMENTS)
    assert not passes(ask(side("a"), side("b", "s2"), PING, policies=[policy]))
    assert not passes(ask(side("a"), side("b", "s2"), GRE, policies=[policy]))


def test_both_sides_groups_are_asked() -> None:
    open_, ssh = group("open", OUT), group("ssh", ingress(protocol=6, ports="22"))
    a, b = side("a", groups=["open"]), side("b", groups=["ssh"])
    steps = ask(a, b, SSH, open_, ssh)
    assert passes(steps)
    assert steps[1:] == [
        Step("egress of a", True, "group open: egress all to anywhere", EGRESS),
        Step("ingress of b", True, "group ssh: ingress tcp 22 from anywhere", INGRESS),
    ]
    steps = ask(b, a, SSH, open_, ssh)
    assert [step.why for step in steps if not step.passes] == [
        "no egress rule of its groups lets it pass: ssh",
        "no ingress rule of its groups lets it pass: open",
    ]
    assert not passes(ask(a, b, PING, open_, ssh))


def test_no_group_is_no_rule() -> None:
    assert ask(side("a"), side("b", groups=[]), SSH)[-1] == Step("ingress of b", False, "it is in no group", INGRESS)


@pytest.mark.parametrize(
    ("rule", "yes"),
    [
        (ingress(remote_group="mates"), True),
        (ingress(remote_group="others"), False),
        (ingress(remotes=["10.0.17.0/24"]), True),
        (ingress(remotes=["192.0.2.0/24"]), False),
        (ingress(protocol=1), True),
        (ingress(protocol=1, icmp_type=8), True),
        (ingress(protocol=1, icmp_type=8, icmp_code=1), False),
        (ingress(protocol=1, icmp_type=0), False),
        (ingress(protocol=6), False),
    ],
    ids=str,
)
def test_what_a_rule_is_about(rule: GroupRule, yes: bool) -> None:
    mates = side("a", groups=["mates"])
    assert passes(ask(mates, side("b", groups=["g"]), PING, group("g", rule), group("mates", OUT))) == yes


def test_address_pairs_are_members_too() -> None:
    pair = AddressPair(network=IPv4Network("192.0.2.0/24"))
    member = side("a", groups=["mates"], address_pairs=[pair]).endpoint
    target = side("b", groups=["g"])
    assert member is not None
    steps = verdict(OUTSIDE, target, SSH, [], {"g": group("g", ingress(remote_group="mates"))}, [member])
    assert [step.passes for step in steps] == [False, True]


def test_a_disabled_endpoint_is_named() -> None:
    assert ask(side("a", enabled=False), side("b"), SSH)[0] == Step("endpoint a", False, "it is disabled", ENDPOINT)


def test_rules_in_words() -> None:
    assert describe(ingress(protocol=47, remotes=["192.0.2.0/24", "198.51.100.0/24"]), {}) == (
        "ingress protocol 47 from 192.0.2.0/24, 198.51.100.0/24"
    )
    assert describe(ingress(protocol=1, icmp_type=3, icmp_code=4, remote_group="g"), {}) == (
        "ingress icmp type 3 code 4 from group g"
    )
