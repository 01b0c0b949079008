"""What the firewall's sets say of a conversation is what the rules say, and a difference is named."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from romana.agent.groups import profiles
from romana.agent.lookup import Asked, differences, groups_say, segments_say
from romana.agent.ruleset import GROUP_SETS, Elements, ObservedTable, Set, Table, shape
from romana.agent.traffic import traffic
from romana.models import (
    Direction,
    Endpoint,
    EndpointStatus,
    Group,
    GroupRule,
    Permissions,
    Plan,
    Protocol,
    Selector,
    StateEndpoint,
    StateGroup,
    StateRule,
    StateSegment,
)
from romana.verdict import EGRESS, INGRESS, Service, Side, verdict

PLAN = Plan().address_plan()
NAMES = ("x", "y")
SERVICES = (
    Service(6, port=22), Service(6, port=80), Service(17, port=22), Service(1, kind=(8, 0)), Service(1, kind=(8, None)),
    Service(1, kind=(3, 4)), Service(47),
)  # fmt: skip
TABLE = Table("inet", GROUP_SETS | {name: Set(("ipv4_addr",)) for name in ("pairs", "flows", "inward", "outward")}, {})

rules = st.builds(
    lambda direction, what, remote: GroupRule.model_validate({"direction": direction, **what, **remote}),
    st.sampled_from(list(Direction)),
    st.sampled_from(
        [
            {}, {"protocol": 6}, {"protocol": 6, "ports": "20-25"}, {"protocol": 17, "ports": "22"}, {"protocol": 1},
            {"protocol": 1, "icmp_type": 8}, {"protocol": 1, "icmp_type": 8, "icmp_code": 0}, {"protocol": 47},
        ]
    ),
    st.sampled_from(
        [
            {}, {"remote_group": "x"}, {"remote_group": "y"}, {"remotes": ["10.0.17.0/24"]},
            {"remotes": ["192.0.2.0/24"]}, {"remotes": ["192.0.2.0/25", "10.0.17.4"]},
        ]
    ),
)  # fmt: skip
group_rules = st.fixed_dictionaries({name: st.lists(rules, max_size=4) for name in NAMES})
memberships = st.none() | st.lists(st.sampled_from(NAMES), unique=True)
outside = st.sampled_from([None, IPv4Network("192.0.2.7"), IPv4Network("192.0.2.0/25"), IPv4Network("198.51.100.1")])


def endpoint(number: int, groups: list[str] | None) -> Endpoint:
    return Endpoint(
        id=f"e{number}", name=None, host="h", tenant="t", segment="s", address=IPv4Address(f"10.0.17.{number}"),
        mac="02:00:00:00:00:01", interface=f"tap{number}", permissions=Permissions(groups=groups),
        status=EndpointStatus.ACTIVE, generation=1,
    )  # fmt: skip


def compiled(there: list[Endpoint], groups: dict[str, list[GroupRule]]) -> Elements:
    """The sets of a host with all of these endpoints."""
    states = [
        StateEndpoint(id=one.id, address=one.address, mac=one.mac, interface=one.interface, permissions=one.permissions)
        for one in there
    ]
    members = {
        name: [IPv4Network(one.address) for one in there if name in (one.permissions.groups or ())] for name in groups
    }
    made = profiles(states, [StateGroup(id=name, rules=known) for name, known in groups.items()], members)
    return {name: getattr(made, name) for name in GROUP_SETS}


@given(group_rules, memberships, memberships, outside, st.sampled_from(SERVICES))
def test_the_sets_say_what_the_rules_say(
    groups: dict[str, list[GroupRule]],
    own: list[str] | None,
    others: list[str] | None,
    other: IPv4Network | None,
    service: Service,
) -> None:
    there = [endpoint(3, own), endpoint(4, others)]
    elements = compiled(there, groups)
    mine = Side(IPv4Network(there[0].address), there[0])
    peer = Side(IPv4Network(there[1].address), there[1]) if other is None else Side(other)
    known = {name: Group(id=name, rules=listed, endpoints=0, generation=1) for name, listed in groups.items()}
    asked = Asked.of(service.protocol, service.port, service.kind)
    for sides, kind, direction in (
        ((mine, peer), EGRESS, Direction.EGRESS),
        ((peer, mine), INGRESS, Direction.INGRESS),
    ):
        (step,) = (one for one in verdict(*sides, service, [], known, there) if one.kind == kind and _is_of(one.where))
        assert groups_say(elements, there[0].address, peer.network, direction, asked).passes == step.passes


def _is_of(where: str) -> bool:
    return where.endswith("10.0.17.3")


@pytest.mark.parametrize(
    ("source", "target", "service", "passes"),
    [
        ("10.0.17.3", "10.1.17.9", Service(47), True),
        ("10.0.17.3", "10.0.18.3", Service(6, port=80), True),
        ("10.0.17.3", "10.0.18.3", Service(6, port=81), False),
        ("10.0.18.3", "10.0.17.3", Service(6, port=80), False),
        ("192.0.2.7", "10.0.18.3", Service(1, kind=(8, 0)), True),
        ("192.0.2.0/24", "10.0.18.3", Service(1, kind=(8, 0)), True),
        ("192.0.0.0/16", "10.0.18.3", Service(1, kind=(8, 0)), False),
        ("10.0.18.3", "192.0.2.7", Service(1, kind=(8, 0)), False),
        ("10.0.18.3", "198.51.100.9", Service(17, port=53), True),
    ],
)
def test_segments_and_policies_are_looked_up(source: str, target: str, service: Service, passes: bool) -> None:
    first, second = Selector(tenant=1, segment=1), Selector(tenant=1, segment=2)
    near, far = (Selector(cidr=IPv4Network(text)) for text in ("192.0.2.0/24", "198.51.100.0/24"))
    opened = traffic(
        PLAN,
        [StateSegment(tenant=1, segment=1), StateSegment(tenant=1, segment=2)],
        [
            StateRule(source=first, target=second, protocol=Protocol.TCP, ports=[(80, 80)]),
            StateRule(source=near, target=second, protocol=Protocol.ICMP),
            StateRule(source=second, target=far, protocol=Protocol.UDP, ports=[(53, 53)]),
        ],
    )
    elements = {name: getattr(opened, name) for name in ("pairs", "flows", "inward", "outward")}
    asked = Asked.of(service.protocol, service.port, service.kind)
    assert segments_say(elements, PLAN, IPv4Network(source), IPv4Network(target), asked).passes == passes


def test_only_what_was_looked_up_differs() -> None:
    must = compiled([endpoint(3, ["x"]), endpoint(4, [])], {"x": [GroupRule(direction=Direction.INGRESS)], "y": []})
    found = groups_say(must, IPv4Address("10.0.17.3"), IPv4Network("192.0.2.7"), Direction.INGRESS, Asked(6, (22, 22)))
    assert found.passes
    without = must | {"open": frozenset(), "ingress": frozenset({("10.0.17.4", "7000:10")})}
    said = differences(TABLE, must, ObservedTable(shape(TABLE), (), without), found.used)
    assert [line.partition(":")[0] for line in said] == ["map ingress lacks", "set open lacks"]
    assert differences(TABLE, must, ObservedTable(shape(TABLE), (), must), found.used) == []
    (said_of_rules,) = differences(TABLE, must, ObservedTable(frozenset(), (), must), found.used)
    assert "has other sets, chains or rules" in said_of_rules
    assert differences(TABLE, must, None, ()) == ["there is no table inet romana: nothing keeps anything out"]
