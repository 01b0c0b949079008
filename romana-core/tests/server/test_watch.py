"""Long polls of states and statuses: answered at once when there is news, woken by any server, let go at the end."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from .conftest import StartServer
from .romana_server import Poll, RomanaServer, Site

MATE = {"permissions": {"groups": ["mates"]}}
STATUSES = "/v1/statuses"
_numbers = itertools.count(1)


def generation(server: RomanaServer, host: str = "a") -> int:
    with server.client() as client:
        found: int = client.get(f"/v1/hosts/{host}").raise_for_status().json()["generation"]
        return found


def add_endpoint(server: RomanaServer, host: str = "a") -> dict[str, object]:
    number = next(_numbers)
    wanted = {
        "host": host,
        "tenant": "t",
        "segment": "s",
        "mac": f"fa:16:3e:00:00:{number:02x}",
        "interface": f"t{number}",
    }
    with server.client() as client:
        made: dict[str, object] = client.post("/v1/endpoints", json=wanted).raise_for_status().json()
        return made


def _poll(server: RomanaServer, after: int, host: str = "a") -> Poll:
    """The agent of a host follows its state."""
    return Poll(server, f"/v1/hosts/{host}/state", after, host)


def statuses(server: RomanaServer) -> dict[str, Any]:
    with server.client("neutron") as client:
        found: dict[str, Any] = client.get(STATUSES).raise_for_status().json()
        return found


def report_active(server: RomanaServer, endpoint: dict[str, object]) -> None:
    """The agent of host a says that the endpoint works."""
    there = {"id": endpoint["id"], "status": "active", "route": True, "lease": True, "firewall": True}
    report = {"generation": endpoint["generation"], "endpoints": [there]}
    with server.client("a") as client:
        client.put("/v1/hosts/a/applied", json=report).raise_for_status()


@pytest.mark.parametrize(
    "parameters", [{}, {"after": 0}, {"after": 0, "wait": 60}, {"after": 2**62, "wait": 60}], ids=str
)
def test_a_state_that_differs_is_answered_at_once(server: RomanaServer, parameters: dict[str, int]) -> None:
    with server.client("a") as client:
        answer = client.get("/v1/hosts/a/state", params=parameters)
    assert answer.status_code == httpx.codes.OK
    assert answer.json()["host"]["name"] == "a"
    assert answer.json()["generation"] == generation(server)


@pytest.mark.parametrize("wait", [0, 0.2])
def test_nothing_newer_is_no_content(server: RomanaServer, wait: float) -> None:
    with server.client("a") as client:
        answer = client.get("/v1/hosts/a/state", params={"after": generation(server), "wait": wait})
    assert (answer.status_code, answer.content) == (httpx.codes.NO_CONTENT, b"")


def test_a_change_wakes_who_waits_with_the_new_state(server: RomanaServer) -> None:
    before = generation(server)
    poll = _poll(server, before)
    poll.wait_until_it_waits()
    made = add_endpoint(server)
    state = poll.answer().raise_for_status().json()
    assert state["generation"] == made["generation"] > before
    assert made["id"] in [one["id"] for one in state["endpoints"]]


def test_a_change_of_another_host_wakes_only_that_one(server: RomanaServer) -> None:
    on_a, on_b = (_poll(server, generation(server, host), host) for host in "ab")
    on_a.wait_until_it_waits()
    on_b.wait_until_it_waits()
    add_endpoint(server, "b")
    assert on_b.answer().status_code == httpx.codes.OK
    on_a.wait_until_it_waits()
    add_endpoint(server, "a")
    assert on_a.answer().status_code == httpx.codes.OK


def test_who_joins_a_group_wakes_hosts_that_name_it_with_members_only(server: RomanaServer) -> None:
    rules = [{"direction": "ingress", "remote_group": "mates"}]
    with server.client() as client:
        client.put("/v1/groups/mates", json={"rules": rules}).raise_for_status()
        mine = client.patch(f"/v1/endpoints/{add_endpoint(server)['id']}", json=MATE).raise_for_status().json()
        other = add_endpoint(server, "b")
        known = client.get("/v1/hosts/a/changes").raise_for_status().json()
        seen = {"state_after": known["state"]["generation"], "members_after": known["members"]["generation"]}
        assert client.get("/v1/hosts/a/changes", params=seen).status_code == httpx.codes.NO_CONTENT
        poll = Poll(server, "/v1/hosts/a/changes", seen, "a")
        poll.wait_until_it_waits()
        client.patch(f"/v1/endpoints/{other['id']}", json=MATE).raise_for_status()
        told = poll.answer().raise_for_status().json()
    assert known["members"] == {
        "generation": known["members"]["generation"],
        "whole": True,
        "groups": [{"id": "mates", "added": [f"{mine['address']}/32"], "removed": []}],
    }
    assert told["state"] is None
    assert told["members"]["groups"] == [{"id": "mates", "added": [f"{other['address']}/32"], "removed": []}]


def test_a_host_that_is_not_there_is_not_waited_for(server: RomanaServer) -> None:
    with server.client() as client:
        answer = client.get("/v1/hosts/none/state", params={"after": 1, "wait": 60})
    assert answer.status_code == httpx.codes.NOT_FOUND


def test_many_wait_and_all_are_woken(server: RomanaServer) -> None:
    before = generation(server)
    polls = [_poll(server, before) for _ in range(40)]
    for poll in polls:
        poll.wait_until_it_waits()
    add_endpoint(server)
    assert {poll.answer().status_code for poll in polls} == {httpx.codes.OK}


@pytest.mark.parametrize("wait", [0, 0.2])
def test_no_status_set_since_is_no_content(server: RomanaServer, wait: float) -> None:
    parameters = {"after": statuses(server)["generation"], "wait": wait}
    with server.client("neutron") as client:
        answer = client.get(STATUSES, params=parameters)
    assert (answer.status_code, answer.content) == (httpx.codes.NO_CONTENT, b"")


def test_a_report_wakes_who_waits_for_statuses_with_what_it_changed(server: RomanaServer) -> None:
    add_endpoint(server)
    made = add_endpoint(server)
    poll = Poll(server, STATUSES, statuses(server)["generation"], "neutron")
    poll.wait_until_it_waits()
    report_active(server, made)
    (told,) = poll.answer().raise_for_status().json()["endpoints"]
    assert told == {
        "id": made["id"],
        "name": None,
        "host": "a",
        "address": made["address"],
        "interface": made["interface"],
        "status": "active",
        "detail": None,
    }


def test_what_sets_no_status_wakes_nobody_who_waits_for_statuses(server: RomanaServer) -> None:
    made = add_endpoint(server)
    report_active(server, made)
    poll = Poll(server, STATUSES, statuses(server)["generation"], "neutron")
    poll.wait_until_it_waits()
    report_active(server, made)
    with server.client() as client:
        client.patch(f"/v1/endpoints/{made['id']}", json={"name": "web"}).raise_for_status()
    poll.wait_until_it_waits()
    newest = add_endpoint(server, "b")
    (told,) = poll.answer().raise_for_status().json()["endpoints"]
    assert told["id"] == newest["id"]


def test_who_knows_more_than_a_store_that_was_set_back_gets_all_statuses(server: RomanaServer) -> None:
    made = add_endpoint(server)
    with server.client("neutron") as client:
        told = client.get(STATUSES, params={"after": 2**62, "wait": 60}).raise_for_status().json()
    assert made["id"] in [one["id"] for one in told["endpoints"]]
    assert told["generation"] < 2**62


@pytest.fixture
def two(site: Site, start: StartServer) -> Iterator[tuple[RomanaServer, RomanaServer]]:
    """Two servers over one database with host a, tenant t, segment s."""
    site.init()
    first, second = start(site), start(site)
    with first.client() as client:
        client.post("/v1/hosts", json={"name": "a", "address": "192.0.2.1"}).raise_for_status()
        client.post("/v1/tenants", json={"name": "t"}).raise_for_status()
        client.post("/v1/tenants/t/segments", json={"name": "s"}).raise_for_status()
    return first, second


def test_a_change_through_one_server_wakes_who_waits_at_another(two: tuple[RomanaServer, RomanaServer]) -> None:
    first, second = two
    poll = _poll(second, generation(first))
    poll.wait_until_it_waits()
    made = add_endpoint(first)
    assert poll.answer().raise_for_status().json()["generation"] == made["generation"]


def test_a_report_to_one_server_wakes_who_waits_for_statuses_at_another(
    two: tuple[RomanaServer, RomanaServer],
) -> None:
    first, second = two
    made = add_endpoint(first)
    poll = Poll(second, STATUSES, statuses(second)["generation"], "neutron")
    poll.wait_until_it_waits()
    report_active(first, made)
    (told,) = poll.answer().raise_for_status().json()["endpoints"]
    assert (told["id"], told["status"]) == (made["id"], "active")


def test_a_server_that_ends_lets_everyone_go(two: tuple[RomanaServer, RomanaServer]) -> None:
    first, second = two
    polls = [_poll(first, generation(first)) for _ in range(5)]
    polls.append(Poll(first, STATUSES, statuses(first)["generation"], "neutron"))
    for poll in polls:
        poll.wait_until_it_waits()
    first.process.send_signal(signal.SIGTERM)
    assert {poll.answer().status_code for poll in polls} == {httpx.codes.NO_CONTENT}
    assert first.terminate() == 0
    assert "Traceback" not in first.log
    assert generation(second)
