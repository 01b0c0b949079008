"""A segment that stands for a network of OpenStack: one for each network, found by it, and its number comes back."""

from __future__ import annotations

import pytest

from romana.models import SegmentCreate
from romana.store.errors import ConflictError
from romana.store.segments import create_segment, delete_segment, get_segment, list_all_segments
from romana.store.store import Store, current_generation

from . import given


def test_it_is_found_by_its_network(store: Store) -> None:
    given.tenant(store, "t")
    given.tenant(store, "u")
    given.segment(store, "t", "s")
    made, new = create_segment(store, "u", SegmentCreate(name="net0", network_id="n1"))
    assert new
    assert made == get_segment(store, "u", "net0")
    assert list_all_segments(store, "n1") == [made]
    assert list_all_segments(store, "N1") == []
    assert [(one.tenant, one.name, one.network_id) for one in list_all_segments(store)] == [
        ("t", "s", None),
        ("u", "net0", "n1"),
    ]


def test_made_again_it_is_the_same(store: Store) -> None:
    given.tenant(store, "t")
    wanted = SegmentCreate(name="net0", network_id="n1")
    made, _ = create_segment(store, "t", wanted)
    before = store.database.read(current_generation)
    assert create_segment(store, "t", wanted) == (made, False)
    assert store.database.read(current_generation) == before


@pytest.mark.parametrize("network_id", [None, "n2"])
def test_a_name_is_of_one_network(store: Store, network_id: str | None) -> None:
    given.tenant(store, "t")
    create_segment(store, "t", SegmentCreate(name="net0", network_id="n1"))
    with pytest.raises(ConflictError, match="segment t/net0 exists with other values: network_id n1"):
        create_segment(store, "t", SegmentCreate(name="net0", network_id=network_id))


def test_a_segment_of_nobody_does_not_become_a_networks(store: Store) -> None:
    given.tenant(store, "t")
    given.segment(store, "t", "net0")
    with pytest.raises(ConflictError, match="segment t/net0 exists with other values"):
        create_segment(store, "t", SegmentCreate(name="net0", network_id="n1"))


@pytest.mark.parametrize("tenant", ["t", "u"])
def test_a_network_has_one_segment(store: Store, tenant: str) -> None:
    given.tenant(store, "t")
    given.tenant(store, "u")
    create_segment(store, "t", SegmentCreate(name="net0", network_id="n1"))
    with pytest.raises(ConflictError, match="network n1 already has segment t/net0"):
        create_segment(store, tenant, SegmentCreate(name="other", network_id="n1"))


def test_its_number_comes_back(store: Store) -> None:
    given.tenant(store, "t")
    made, _ = create_segment(store, "t", SegmentCreate(name="net0", network_id="n1"))
    delete_segment(store, "t", "net0", None)
    again, new = create_segment(store, "t", SegmentCreate(name="net1", network_id="n1"))
    assert (again.number, new) == (made.number, True)
