"""Nodes follow from the configuration, and never renumber."""

from __future__ import annotations

from functools import cache
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from romana_install.config.settings import Config
from romana_install.state.stack import Node, Stack
from romana_install.targets.local.target import Local
from romana_install.targets.nodes import change

COUNTS = st.integers(min_value=0, max_value=244)


@cache
def wanted(count: int) -> tuple[Node, ...]:
    return Local().nodes(Config(devstack_compute_node=count))


def stack(there: tuple[Node, ...], leaving: tuple[Node, ...] = ()) -> Stack:
    return Stack("romana", Path("/nowhere"), there, Local(), leaving=leaving)


def test_addresses_of_the_first_nodes() -> None:
    assert [(node.name, node.address, node.index) for node in wanted(2)] == [
        ("controller", "192.168.99.10", 0),
        ("compute01", "192.168.99.11", 1),
        ("compute02", "192.168.99.12", 2),
    ]


def test_controller_that_is_no_compute_node() -> None:
    controller, _ = Local().nodes(Config(controller_is_compute=False))
    assert (controller.controller, controller.compute) == (True, False)


@given(COUNTS)
def test_nodes_are_unique_and_inside_the_network(count: int) -> None:
    made = wanted(count)
    assert len(made) == count + 1
    for values in ([n.name for n in made], [n.address for n in made], [n.index for n in made]):
        assert len(set(values)) == len(made)
    hosts = set(IPv4Network("192.168.99.0/24").hosts())
    assert {IPv4Address(node.address) for node in made} <= hosts


@given(st.lists(COUNTS, min_size=1, max_size=8))
def test_nodes_never_renumber(counts: list[int]) -> None:
    seen: dict[str, Node] = {}
    existing: Stack | None = None
    for count in counts:
        step = change(wanted(count), existing)
        for node in wanted(count):
            assert seen.setdefault(node.name, node) == node
        before = set(existing.nodes) if existing else set()
        assert set(step.keep) | set(step.remove) == before
        assert set(step.keep) | set(step.add) == set(wanted(count))
        assert not set(step.add) & set(step.remove)
        existing = stack(wanted(count))


@given(COUNTS, COUNTS, COUNTS)
def test_removal_that_was_cut_short_is_finished(first: int, second: int, third: int) -> None:
    begun = change(wanted(second), stack(wanted(first)))
    again = change(wanted(third), stack(wanted(second), leaving=begun.remove))
    there = set(wanted(first)) | set(wanted(second))
    assert set(again.remove) == there - set(wanted(third))


def test_kind_of_change() -> None:
    assert change(wanted(1), stack(wanted(1))).kind == "again"
    assert change(wanted(2), stack(wanted(1))).kind == "change"
    assert change(wanted(0), stack(wanted(1))).kind == "change"
