"""Reports of agents: the newest is kept, endpoints get their status, and nothing else is touched."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network

import pytest

from romana.models import Applied, AppliedEndpoint, AppliedError, EndpointStatus
from romana.store.applied import get_applied, put_applied
from romana.store.endpoints import get_endpoint, list_endpoints
from romana.store.errors import NotFoundError
from romana.store.hosts import get_host
from romana.store.store import Store

from . import given


def report(generation: int, endpoints: Mapping[str, EndpointStatus], detail: str | None = None) -> Applied:
    """A report about these endpoints, by id, with everything in place."""
    return Applied(
        generation=generation,
        endpoints=[
            AppliedEndpoint(id=one, status=status, detail=detail, route=True, lease=True, firewall=True)
            for one, status in endpoints.items()
        ],
    )


@pytest.fixture
def network(store: Store) -> Store:
    given.network(store)
    return store


def test_a_new_endpoint_is_pending_until_its_agent_reports(network: Store) -> None:
    made = given.endpoint(network)
    assert made.status is EndpointStatus.PENDING
    for status, detail in (
        (EndpointStatus.ACTIVE, None),
        (EndpointStatus.ERROR, "no such interface"),
        (EndpointStatus.PENDING, None),
    ):
        put_applied(network, "a", report(made.generation, {made.id: status}, detail))
        now = get_endpoint(network, made.id)
        assert (now.status, now.detail) == (status, detail)


def test_an_older_report_does_not_overwrite_a_newer_one(network: Store) -> None:
    made = given.endpoint(network)
    newest = given.generations(network)["a"]
    assert put_applied(network, "a", report(newest, {made.id: EndpointStatus.ACTIVE}))
    assert not put_applied(network, "a", report(newest - 1, {made.id: EndpointStatus.ERROR}))
    assert get_endpoint(network, made.id).status is EndpointStatus.ACTIVE
    assert get_applied(network, "a").generation == newest


def test_a_report_of_the_same_generation_replaces_the_one_before(network: Store) -> None:
    made = given.endpoint(network)
    for status in (EndpointStatus.ERROR, EndpointStatus.ACTIVE):
        assert put_applied(network, "a", report(made.generation, {made.id: status}))
        assert get_endpoint(network, made.id).status is status


def test_a_report_from_before_the_database_was_set_back_counts_no_more(network: Store) -> None:
    newest = given.generations(network)["a"]
    put_applied(network, "a", report(newest + 1000, {}))
    assert put_applied(network, "a", report(newest, {}))
    assert get_applied(network, "a").generation == newest


def test_ids_that_are_unknown_or_of_other_hosts_are_ignored(network: Store) -> None:
    given.host(network, "b")
    mine, other = given.endpoint(network), given.endpoint(network, "b")
    said = {"deleted": EndpointStatus.ERROR, other.id: EndpointStatus.ERROR, mine.id: EndpointStatus.ACTIVE}
    put_applied(network, "a", report(other.generation, said))
    assert {one.id: one.status for one in list_endpoints(network, {})} == {
        mine.id: EndpointStatus.ACTIVE,
        other.id: EndpointStatus.PENDING,
    }


def test_an_endpoint_that_a_report_does_not_name_keeps_its_status(network: Store) -> None:
    made = given.endpoint(network)
    put_applied(network, "a", report(made.generation, {made.id: EndpointStatus.ACTIVE}))
    put_applied(network, "a", report(made.generation, {}))
    assert get_endpoint(network, made.id).status is EndpointStatus.ACTIVE


def test_a_report_wakes_no_agent(network: Store) -> None:
    made = given.endpoint(network)
    before = given.generations(network)
    put_applied(network, "a", report(made.generation, {made.id: EndpointStatus.ACTIVE}))
    assert given.generations(network) == before
    assert get_endpoint(network, made.id).generation == made.generation


def test_a_report_is_kept_whole(network: Store) -> None:
    sent = Applied(
        generation=2,
        errors=[AppliedError(subject="gateway", message="no such device")],
        routes=[IPv4Network("10.1.0.0/16")],
        pairs=[(IPv4Address("10.0.17.0"), IPv4Address("10.0.18.0"))],
    )
    put_applied(network, "a", sent)
    assert get_applied(network, "a") == sent


def test_a_host_shows_what_its_agent_last_reported(network: Store) -> None:
    before = get_host(network, "a")
    assert (before.applied, before.applied_at, before.errors) == (None, None, 0)
    put_applied(network, "a", Applied(generation=2, errors=[AppliedError(subject="dhcp", message="no dnsmasq")]))
    after = get_host(network, "a")
    assert (after.applied, after.errors) == (2, 1)
    assert after.applied_at is not None


def test_a_detail_of_any_length_is_cut_to_what_fits(network: Store) -> None:
    made = given.endpoint(network)
    put_applied(network, "a", report(2, {made.id: EndpointStatus.ERROR}, "\U0001f525" * 5000))
    assert get_endpoint(network, made.id).detail == "\U0001f525" * 1000


def test_a_report_with_a_thousand_endpoints_is_kept(network: Store) -> None:
    made = given.endpoint(network)
    said = {f"deleted {number}": EndpointStatus.ERROR for number in range(1000)}
    put_applied(network, "a", report(2, {**said, made.id: EndpointStatus.ACTIVE}, "\u00e9" * 200))
    assert len(get_applied(network, "a").endpoints) == 1001
    assert get_endpoint(network, made.id).status is EndpointStatus.ACTIVE


@pytest.mark.parametrize(("host", "said"), [("nohost", "there is no host nohost"), ("a", "host a has not reported")])
def test_a_report_that_is_not_there_is_not_found(network: Store, host: str, said: str) -> None:
    with pytest.raises(NotFoundError, match=said):
        get_applied(network, host)


def test_a_report_of_an_unknown_host_is_refused(network: Store) -> None:
    with pytest.raises(NotFoundError, match="there is no host nohost"):
        put_applied(network, "nohost", report(1, {}))
