"""Where probes are placed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from romana_install.verify.probe_places import MOST_HOSTS, Spot, choose, spread

DEFAULT = [(tenant, segment) for tenant in ("admin", "demo") for segment in ("default", "s1", "s2")]
names = st.integers(0, 300).map(lambda count: [f"host{number}" for number in range(count)])
segments = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["default", "s1", "x"])), unique=True)


def test_default_segments_on_three_hosts() -> None:
    spots = choose(["a", "b", "c"], DEFAULT, {}).spots
    assert spots == (
        Spot("a", "admin", "s1"),
        Spot("a", "admin", "s1"),
        Spot("b", "admin", "s1"),
        Spot("c", "admin", "s1"),
        Spot("a", "admin", "s2"),
        Spot("b", "admin", "s2"),
        Spot("a", "demo", "s1"),
        Spot("b", "demo", "s1"),
    )


def test_one_host_still_has_every_kind() -> None:
    spots = choose(["a"], DEFAULT, {}).spots
    assert [(spot.tenant, spot.segment) for spot in spots] == [("admin", "s1")] * 2 + [("admin", "s2"), ("demo", "s1")]


def test_other_tenants_are_taken_when_the_usual_ones_do_not_exist() -> None:
    places = choose(["a", "b"], [("blue", "web"), ("blue", "db"), ("red", "web")], {})
    assert (places.primary, places.sibling, places.stranger) == (("blue", "web"), ("blue", "db"), ("red", "web"))
    places = choose(["a", "b"], [("blue", "web"), ("red", "s1")], {})
    assert (places.primary, places.sibling, places.stranger) == (("red", "s1"), None, ("blue", "web"))


def test_nothing_to_choose_from_gives_no_spots() -> None:
    assert choose([], DEFAULT, {}).spots == ()
    assert choose(["a"], [], {}).spots == ()


def test_a_host_of_a_tenants_own_gets_probes_of_that_tenant_only() -> None:
    places = choose(["a", "b", "c", "d"], [*DEFAULT, ("blue", "web")], {"a": "blue", "c": "demo", "d": "admin"})
    assert places.spots == (
        Spot("b", "admin", "s1"),
        Spot("b", "admin", "s1"),
        Spot("d", "admin", "s1"),
        Spot("b", "admin", "s2"),
        Spot("d", "admin", "s2"),
        Spot("b", "demo", "s1"),
        Spot("c", "demo", "s1"),
        Spot("a", "blue", "web"),
    )
    assert choose(["a"], DEFAULT, {"a": "bare"}).spots == ()


@given(names)
def test_few_hosts_are_chosen_evenly_with_the_first_and_the_last(hosts: list[str]) -> None:
    chosen = spread(hosts)
    assert len(chosen) == min(len(hosts), MOST_HOSTS)
    assert chosen == sorted(set(chosen), key=hosts.index)
    if hosts:
        assert (chosen[0], chosen[-1]) == (hosts[0], hosts[-1])


@given(names, segments, st.dictionaries(st.integers(0, 300).map("host{}".format), st.sampled_from("abcde")))
def test_spots_are_bounded_and_exist(hosts: list[str], existing: list[tuple[str, str]], owners: dict[str, str]) -> None:
    chosen = spread(hosts)
    places = choose(chosen, existing, owners)
    assert all(owners.get(spot.host) in (None, spot.tenant) for spot in places.spots)
    assert all(spot.host in chosen and (spot.tenant, spot.segment) in existing for spot in places.spots)
    assert len(places.spots) <= len(chosen) + 1 + 2 * 2
    tenants = {tenant for tenant, _ in existing}
    assert {spot.host for spot in places.spots} == {
        host for host in chosen if (owners[host] in tenants if host in owners else existing)
    }
    parts = [part for part in (places.primary, places.sibling, places.stranger) if part is not None]
    assert len(set(parts)) == len(parts)
