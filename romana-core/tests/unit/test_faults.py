"""Groups with rules that cannot be put in place: which rules these are, and what of such groups stays in force."""

from __future__ import annotations

import json
from collections.abc import Collection
from ipaddress import IPv4Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from romana.agent.faults import CHECKS, Fault, Received, Ruling, culprits, faults_of, read, restrained, rulings
from romana.models import Changes, Direction, GroupRule, HostState, Plan, StateGroup, StateHost

NAMES = ("a", "b", "c")


def tcp(port: int) -> GroupRule:
    return GroupRule(direction=Direction.INGRESS, protocol=6, ports=str(port))


def state(rules: dict[str, list[int]]) -> HostState:
    """Of groups that let in these ports."""
    return HostState(
        generation=1,
        plan=Plan(),
        host=StateHost(name="h", index=0, address=IPv4Address("192.0.2.1")),
        peers=[],
        segments=[],
        rules=[],
        endpoints=[],
        groups=[StateGroup(id=name, rules=[tcp(port) for port in ports]) for name, ports in rules.items()],
    )


def ruling(group: str, port: int) -> Ruling:
    return rulings(state({group: [port]}))[0]


def document(rules: dict[str, list[int]]) -> dict[str, Any]:
    """Of changes with that state, to be tampered with."""
    return json.loads(Changes(state=state(rules), members=None).model_dump_json())  # type: ignore[no-any-return]


def ports(received: Received) -> dict[str, list[str | None]]:
    assert received.state is not None
    return {group.id: [rule.ports for rule in group.rules] for group in received.state.groups}


def test_what_can_be_read_is_read_whole() -> None:
    received = read(json.dumps(document({"a": [1, 2]})).encode())
    assert ports(received) == {"a": ["1", "2"]}
    assert received.faults == []


def test_rules_that_cannot_be_read_are_left_out_and_named() -> None:
    content = document({"a": [1, 2, 3, 4], "b": [5]})
    content["state"]["groups"][0]["rules"][1]["log"] = True
    content["state"]["groups"][0]["rules"][3]["direction"] = "sideways"
    received = read(json.dumps(content).encode())
    assert ports(received) == {"a": ["1", "3"], "b": ["5"]}
    (fault,) = received.faults
    assert (fault.group, fault.more) == ("a", 1)
    assert '"log": true' in fault.rule
    assert "log: Extra inputs are not permitted" in fault.why
    assert read(received.model_dump_json().encode()) == received


def test_a_group_that_cannot_be_read_has_no_rules() -> None:
    content = document({"a": [1], "b": [2]})
    content["state"]["groups"][0]["stateless"] = True
    received = read(json.dumps(content).encode())
    assert ports(received) == {"a": [], "b": ["2"]}
    assert [fault.group for fault in received.faults] == ["a"]


@pytest.mark.parametrize(
    "text",
    ["{", "[]", json.dumps(document({"a": [1]}) | {"more": 1}), json.dumps({"state": {"groups": [{"rules": 1}]}})],
)
def test_what_is_not_about_groups_is_not_read(text: str) -> None:
    with pytest.raises(ValidationError):
        read(text.encode())


port_lists = st.dictionaries(st.sampled_from(NAMES), st.lists(st.integers(1, 6), unique=True))
some = st.sets(st.tuples(st.sampled_from(NAMES), st.integers(1, 6)))


@given(port_lists, port_lists, st.sets(st.sampled_from(NAMES)), some)
def test_a_faulty_group_has_no_more_than_before_and_the_others_have_all(
    before: dict[str, list[int]], after: dict[str, list[int]], unread: set[str], refused: set[tuple[str, int]]
) -> None:
    refusals = {ruling(*one): "why" for one in refused}
    faults = [*(Fault(group=name, rule="", why="") for name in unread), *faults_of(state(after), refusals)]
    kept = rulings(restrained(state(after), faults, refusals, state(before)))
    faulty = {fault.group for fault in faults}
    for one in rulings(state(after)):
        was_there = one in rulings(state(before))
        assert (one in kept) == (one.group not in faulty or (was_there and one not in refusals))
    assert set(kept) <= set(rulings(state(after)))


@given(st.sets(st.integers(0, 60)))
def test_just_the_rules_that_are_refused_are_found(bad: set[int]) -> None:
    suspects = [ruling("a", port + 1) for port in range(61)]
    wrong = {suspects[place] for place in bad}

    def refusal(kept: Collection[Ruling]) -> str:
        return "refused" if wrong & set(kept) else ""

    assert set(culprits(suspects, refusal)) == wrong


def test_nobody_is_blamed_when_no_rule_is_to_blame() -> None:
    suspects = [ruling("a", 1), ruling("a", 2)]
    assert culprits(suspects, lambda _: "refused") == {}
    assert culprits(suspects, lambda _: "") == {}
    assert culprits([], lambda _: "refused") == {}


def test_of_very_many_refused_rules_none_passes_and_nft_is_not_asked_for_ever() -> None:
    suspects = [ruling("a", port) for port in range(1, 1001)]
    asked = 0

    def refusal(kept: Collection[Ruling]) -> str:
        nonlocal asked
        asked += 1
        return "refused" if kept else ""

    assert set(culprits(suspects, refusal)) == set(suspects)
    assert asked <= CHECKS + 1
