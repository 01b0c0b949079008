"""Groups: kept with their rules, told to the hosts that they concern, and who is in them as differences."""

from __future__ import annotations

import random
from ipaddress import IPv4Network

import pytest

from romana.agent.membership import Membership, updated
from romana.models import (
    AddressPair,
    Direction,
    Endpoint,
    EndpointUpdate,
    GroupPut,
    GroupRule,
    Permissions,
)
from romana.store import memberships, resting
from romana.store.allocation import create_endpoint
from romana.store.endpoints import delete_endpoint, get_endpoint, update_endpoint
from romana.store.errors import GenerationConflictError, InUseError, NotFoundError
from romana.store.groups import delete_group, get_group, list_groups, put_group
from romana.store.state import host_changes, host_state
from romana.store.store import Store

from . import given

SSH = GroupRule(direction=Direction.INGRESS, protocol=6, ports="22")


def names(*groups: str) -> GroupPut:
    """A group that lets in who is in these groups."""
    return GroupPut(rules=[GroupRule(direction=Direction.INGRESS, remote_group=one) for one in groups])


def put(store: Store, name: str, wanted: GroupPut | None = None) -> None:
    put_group(store, name, wanted or GroupPut(), None)


def regroup(store: Store, endpoint: Endpoint, *groups: str, pairs: tuple[str, ...] = ()) -> Endpoint:
    permissions = Permissions(
        groups=list(groups), address_pairs=[AddressPair(network=IPv4Network(one)) for one in pairs]
    )
    return update_endpoint(store, endpoint.id, EndpointUpdate(permissions=permissions), None)


def everybody(store: Store, host: str = "a") -> dict[str, set[str]]:
    """Who is in the groups that a host's groups name, told whole."""
    found = host_changes(store, host, None, None).members
    assert found is not None
    assert found.whole
    return {group.id: {str(one) for one in group.added} for group in found.groups}


@pytest.fixture
def two(store: Store) -> Store:
    """Hosts a and b, tenant t with segment s."""
    given.network(store)
    given.host(store, "b")
    return store


def test_a_group_is_made_changed_and_deleted(store: Store) -> None:
    made, new = put_group(store, "g", GroupPut(name="web", project_id="p", rules=[SSH]), None)
    assert new
    assert put_group(store, "g", GroupPut(name="web", project_id="p", rules=[SSH]), None) == (made, False)
    changed, new = put_group(store, "g", names("g"), made.generation)
    assert not new
    assert changed.generation > made.generation
    assert changed.name is None
    with pytest.raises(GenerationConflictError):
        put_group(store, "g", GroupPut(), made.generation)
    assert list_groups(store) == [get_group(store, "g")] == [changed]
    delete_group(store, "g", None)
    with pytest.raises(NotFoundError, match="there is no group 'g'"):
        delete_group(store, "g", None)


def test_an_endpoint_is_only_in_groups_that_exist(two: Store) -> None:
    endpoint = given.endpoint(two)
    with pytest.raises(NotFoundError, match="there is no group 'g'; create it first"):
        regroup(two, endpoint, "g")
    wanted = given.wish().model_copy(update={"permissions": Permissions(groups=["g"])})
    with pytest.raises(NotFoundError, match="there is no group 'g'"):
        create_endpoint(two, wanted, None)
    assert get_endpoint(two, endpoint.id).permissions == Permissions()


def test_a_group_that_endpoints_are_in_stays(two: Store) -> None:
    put(two, "g")
    endpoint = regroup(two, given.endpoint(two), "g")
    with pytest.raises(InUseError, match=r"1 endpoint\(s\) are in it"):
        delete_group(two, "g", None)
    delete_endpoint(two, endpoint.id, None)
    delete_group(two, "g", None)


def test_a_host_has_the_groups_of_its_endpoints_only(two: Store) -> None:
    put(two, "g", GroupPut(rules=[SSH]))
    put(two, "other")
    regroup(two, given.endpoint(two, "a"), "g")
    assert [(group.id, group.rules) for group in host_state(two, "a").groups] == [("g", [SSH])]
    assert host_state(two, "b").groups == []


def test_rules_that_change_wake_the_hosts_of_the_group_only(two: Store) -> None:
    put(two, "g")
    regroup(two, given.endpoint(two, "a"), "g")
    before = given.generations(two)
    put(two, "g", GroupPut(rules=[SSH]))
    after = given.generations(two)
    assert after["a"] > before["a"]
    assert after["b"] == before["b"]


def test_who_joins_is_told_as_a_difference_and_no_state_is_sent(two: Store) -> None:
    put(two, "g", names("g"))
    first = regroup(two, given.endpoint(two, "a"), "g")
    known = host_changes(two, "a", None, None)
    assert known.state is not None
    assert known.members is not None
    second = regroup(two, given.endpoint(two, "b"), "g")
    changes = host_changes(two, "a", known.state.generation, known.members.generation)
    assert changes.state is None
    assert changes.members is not None
    assert not changes.members.whole
    assert [(one.id, one.added, one.removed) for one in changes.members.groups] == [
        ("g", [IPv4Network(second.address)], [])
    ]
    known = changes
    assert known.members is not None
    delete_endpoint(two, second.id, None)
    changes = host_changes(two, "a", None, known.members.generation)
    assert changes.members is not None
    assert [(one.added, one.removed) for one in changes.members.groups] == [([], [IPv4Network(second.address)])]
    assert everybody(two) == {"g": {f"{first.address}/32"}}


def test_an_address_leaves_a_group_with_the_last_that_has_it(two: Store) -> None:
    put(two, "g", names("g"))
    one, other = (regroup(two, given.endpoint(two), "g", pairs=("192.0.2.0/24",)) for _ in range(2))
    known = host_changes(two, "a", None, None).members
    assert known is not None
    regroup(two, one, "g")
    changes = host_changes(two, "a", None, known.generation).members
    assert changes is None or all(not group.removed for group in changes.groups)
    regroup(two, other, "g")
    changes = host_changes(two, "a", None, known.generation).members
    assert changes is not None
    assert [group.removed for group in changes.groups] == [[IPv4Network("192.0.2.0/24")]]


def test_who_is_named_for_the_first_time_is_told_whole(two: Store) -> None:
    put(two, "g")
    put(two, "friends")
    friend = regroup(two, given.endpoint(two, "b"), "friends")
    regroup(two, given.endpoint(two, "a"), "g")
    known = host_changes(two, "a", None, None).members
    assert known is not None
    put(two, "g", names("friends"))
    changes = host_changes(two, "a", None, known.generation).members
    assert changes is not None
    assert changes.whole
    assert everybody(two) == {"friends": {f"{friend.address}/32"}}


def test_who_has_missed_too_much_is_told_whole(two: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memberships, "KEPT", 3)
    monkeypatch.setattr(resting, "DEAD_AFTER", 0)
    put(two, "g", names("g"))
    regroup(two, given.endpoint(two, "a"), "g")
    known = host_changes(two, "a", None, None).members
    assert known is not None
    for _ in range(4):
        delete_endpoint(two, regroup(two, given.endpoint(two, "b"), "g").id, None)
    changes = host_changes(two, "a", None, known.generation).members
    assert changes is not None
    assert changes.whole


def test_a_store_that_was_set_back_is_followed(two: Store) -> None:
    put(two, "g", names("g"))
    regroup(two, given.endpoint(two, "a"), "g")
    changes = host_changes(two, "a", None, 2**40).members
    assert changes is not None
    assert changes.whole


@pytest.mark.parametrize("seed", range(3))
def test_differences_add_up_to_the_whole(two: Store, seed: int) -> None:
    """A follower that is told of some moments only knows the same as who is told everything."""
    chance = random.Random(seed)  # noqa: S311 - the same each time
    groups = ("x", "y", "z")
    for name in groups:
        put(two, name, names(*chance.sample(groups, chance.randint(0, 2))))
    endpoints = [given.endpoint(two, chance.choice("ab")) for _ in range(4)]
    known: Membership = {}
    generation: int | None = None
    for _ in range(40):
        match chance.randrange(4):
            case 0:
                put(two, chance.choice(groups), names(*chance.sample(groups, chance.randint(0, 2))))
            case 1:
                place = chance.randrange(len(endpoints))
                delete_endpoint(two, endpoints[place].id, None)
                endpoints[place] = given.endpoint(two, chance.choice("ab"))
            case _:
                pairs = ("192.0.2.0/24",) if chance.random() < 0.3 else ()
                regroup(two, chance.choice(endpoints), *chance.sample(groups, chance.randint(0, 3)), pairs=pairs)
        if chance.random() < 0.6:
            changes = host_changes(two, "a", None, generation).members
            if changes is not None:
                known, generation = updated(known, changes), changes.generation
            whole = everybody(two)
            assert {name: {str(one) for one in known.get(name, ())} for name in whole} == whole
    assert generation is not None
