"""An address that was in groups goes to somebody else only when no host has it in them any more."""

from __future__ import annotations

import random
import time
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network

import pytest

from romana.agent.membership import Membership, updated
from romana.models import (
    AddressPair,
    Applied,
    Direction,
    Endpoint,
    EndpointUpdate,
    GroupPut,
    GroupRule,
    HostState,
    Permissions,
)
from romana.store import memberships, resting
from romana.store.applied import put_applied
from romana.store.endpoints import delete_endpoint, list_endpoints, update_endpoint
from romana.store.errors import AddressRestsError, AllAddressesRestError, EndpointsExhaustedError
from romana.store.groups import put_group
from romana.store.segments import delete_segment
from romana.store.state import host_changes
from romana.store.store import Store

from . import given
from .conftest import MakeStore

GROUPS = ("x", "y", "z")


def names(*groups: str) -> GroupPut:
    """A group that lets in who is in these."""
    return GroupPut(rules=[GroupRule(direction=Direction.INGRESS, remote_group=one) for one in groups])


def regroup(store: Store, endpoint: Endpoint, *groups: str, pairs: tuple[str, ...] = ()) -> Endpoint:
    lent = [AddressPair(network=IPv4Network(one)) for one in pairs]
    wanted = EndpointUpdate(permissions=Permissions(groups=list(groups), address_pairs=lent))
    return update_endpoint(store, endpoint.id, wanted, None)


@dataclass
class Follower:
    """A host's agent, as late as it pleases."""

    store: Store
    name: str
    state: HostState | None = None
    members: Membership = field(default_factory=dict)
    generation: int | None = None

    def hear(self) -> None:
        """Take in all that is new, and have it in place."""
        changes = host_changes(
            self.store, self.name, None if self.state is None else self.state.generation, self.generation
        )
        if changes.members is not None:
            self.members, self.generation = updated(self.members, changes.members), changes.members.generation
        self.state = changes.state or self.state

    def report(self) -> None:
        if self.state is not None:
            put_applied(self.store, self.name, Applied(generation=self.state.generation, members=self.generation))

    def knows(self, endpoint: Endpoint) -> bool:
        """Whether the endpoint can be asked from this host, or on it: its own host shuts it before it hears of it."""
        own = [] if self.state is None else [one.id for one in self.state.endpoints]
        return endpoint.host != self.name or endpoint.id in own

    def has(self, endpoint: Endpoint) -> set[str]:
        """The groups that the endpoint's address is in, for rules that the host has in place."""
        rules = [] if self.state is None else [rule for group in self.state.groups for rule in group.rules]
        named = {rule.remote_group for rule in rules}
        address = IPv4Network(endpoint.address)
        return {name for name, there in self.members.items() if name in named and address in there}


@pytest.fixture
def two(make_store: MakeStore) -> Store:
    """Hosts a and b, with four addresses in segment s of tenant t; who is in `x` on b lets in who is in `x`."""
    store = make_store(given.SMALL)
    given.network(store)
    given.host(store, "b")
    put_group(store, "x", names("x"), None)
    regroup(store, given.endpoint(store, "b"), "x")
    given.report(store, "a")
    given.report(store, "b")
    return store


def test_an_address_rests_until_the_last_host_has_confirmed(two: Store) -> None:
    first = regroup(two, given.endpoint(two), "x")
    given.report(two, "b")
    delete_endpoint(two, first.id, None)
    second = given.endpoint(two)
    assert second.address == first.address + 1
    given.report(two, "a")  # it is b that counts
    assert given.endpoint(two).address == first.address + 2
    given.report(two, "b")
    assert given.endpoint(two).address == first.address


def test_who_left_its_groups_before_it_left_rests_too(two: Store) -> None:
    first = regroup(two, given.endpoint(two), "x")
    given.report(two, "b")
    regroup(two, first)
    delete_endpoint(two, first.id, None)
    assert given.endpoint(two).address != first.address


def test_an_address_that_was_lent_rests_too(two: Store) -> None:
    first = given.endpoint(two)
    free = first.address + 1
    regroup(two, first, "x", pairs=(f"{free}/32",))
    given.report(two, "b")
    regroup(two, first, "x")
    assert given.endpoint(two).address == free + 1


def test_a_segment_that_is_made_again_has_the_same_addresses_at_rest(two: Store) -> None:
    first = regroup(two, given.endpoint(two), "x")
    delete_endpoint(two, next(one.id for one in list_endpoints(two, {"host": "b"})), None)
    delete_endpoint(two, first.id, None)
    delete_segment(two, "t", "s", None)
    given.segment(two, "t", "again")
    assert given.endpoint(two, segment="again").address == first.address + 1


@pytest.mark.parametrize("groups", [None, []], ids=str)
def test_an_address_that_was_in_no_group_does_not_rest(two: Store, groups: list[str] | None) -> None:
    first = given.endpoint(two)
    if groups is not None:
        regroup(two, first)
    delete_endpoint(two, first.id, None)
    assert given.endpoint(two).address == first.address


def test_a_full_segment_works_as_soon_as_hosts_have_confirmed(two: Store) -> None:
    there = [regroup(two, given.endpoint(two), "x") for _ in range(4)]
    given.report(two, "b")
    delete_endpoint(two, there[2].id, None)
    with pytest.raises(AllAddressesRestError, match=r"every free address of segment s on host a .* on b; try again"):
        given.endpoint(two)
    given.report(two, "b")
    assert given.endpoint(two).address == there[2].address


def test_an_address_that_is_asked_for_rests_as_any(two: Store) -> None:
    first = regroup(two, given.endpoint(two), "x")
    delete_endpoint(two, first.id, None)
    with pytest.raises(AddressRestsError, match=f"{first.address} was in security groups"):
        given.endpoint(two, address=str(first.address))
    given.report(two, "b")
    assert given.endpoint(two, address=str(first.address)).address == first.address


def test_a_dead_host_does_not_count_for_ever(two: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    first = regroup(two, given.endpoint(two), "x")
    delete_endpoint(two, first.id, None)
    other = given.endpoint(two)
    assert other.address != first.address
    delete_endpoint(two, other.id, None)
    later = time.time() + resting.DEAD_AFTER + 1
    monkeypatch.setattr(time, "time", lambda: later)
    assert given.endpoint(two).address == first.address


def test_a_host_that_does_not_say_what_it_has_counts_as_late(two: Store) -> None:
    first = regroup(two, given.endpoint(two), "x")
    delete_endpoint(two, first.id, None)
    given.report(two, "b")
    put_applied(two, "b", Applied(generation=given.generations(two)["b"]))
    assert given.endpoint(two).address != first.address


def test_a_host_with_generations_of_a_store_that_was_set_back_counts_as_late(two: Store) -> None:
    first = regroup(two, given.endpoint(two), "x")
    delete_endpoint(two, first.id, None)
    put_applied(two, "b", Applied(generation=given.generations(two)["b"], members=2**40))
    assert given.endpoint(two).address != first.address


def test_departures_are_known_for_as_long_as_addresses_rest(two: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memberships, "KEPT", 1)
    first, second = (regroup(two, given.endpoint(two), "x") for _ in range(2))
    delete_endpoint(two, first.id, None)
    delete_endpoint(two, second.id, None)
    assert given.endpoint(two).address == second.address + 1


class World:
    """Three hosts that hear and report whenever chance has them, while endpoints come, go, join and leave."""

    def __init__(self, store: Store, chance: random.Random) -> None:
        self.store = store
        self.chance = chance
        self.followers = [Follower(store, name) for name in "abc"]
        self.there: dict[str, Endpoint] = {}
        self.was_in: dict[str, set[str]] = {}
        self.before: set[IPv4Address] = set()
        self.reused = 0

    def step(self) -> None:
        """Something happens."""
        deeds = (self.come, self.come, self.go, self.join, self.name, self.hear, self.hear)
        self.chance.choice(deeds)()

    def come(self) -> None:
        with suppress(EndpointsExhaustedError):  # or all that are free rest
            made = given.endpoint(self.store, self.chance.choice("abc"))
            self.there[made.id], self.was_in[made.id] = made, set()
            self.reused += made.address in self.before
            self.before.add(made.address)

    def go(self) -> None:
        if self.there:
            delete_endpoint(self.store, self.there.pop(self.chance.choice(list(self.there))).id, None)

    def join(self) -> None:
        if self.there:
            endpoint, groups = self.chance.choice(list(self.there.values())), self.some(3)
            regroup(self.store, endpoint, *groups)
            self.was_in[endpoint.id].update(groups)

    def name(self) -> None:
        put_group(self.store, self.chance.choice(GROUPS), names(*self.some(2)), None)

    def hear(self) -> None:
        follower = self.chance.choice(self.followers)
        follower.hear()
        if self.chance.random() < 0.8:
            follower.report()

    def some(self, most: int) -> list[str]:
        return self.chance.sample(GROUPS, self.chance.randint(0, most))

    def mistaken(self) -> list[tuple[str, Endpoint, set[str]]]:
        """Hosts, endpoints and the groups of others that the host has them in."""
        return [
            (follower.name, endpoint, wrong)
            for follower in self.followers
            for endpoint in self.there.values()
            if follower.knows(endpoint) and (wrong := follower.has(endpoint) - self.was_in[endpoint.id])
        ]


@pytest.mark.parametrize("seed", range(6))
def test_no_host_ever_takes_an_endpoint_for_the_one_before_it(make_store: MakeStore, seed: int) -> None:
    store = make_store(given.SMALL)
    given.network(store)
    for name in ("b", "c"):
        given.host(store, name)
    for name in GROUPS:
        put_group(store, name, names(*GROUPS), None)
    world = World(store, random.Random(seed))  # noqa: S311 - the same each time
    for _ in range(300):
        world.step()
        assert world.mistaken() == []
    assert world.reused > 5
