"""Several server processes over one MariaDB: no address twice, no request lost, whichever of them dies."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from .conftest import StartServer
from .romana_server import DEADLINE_SECONDS, TOKENS, RomanaServer, Site, children, wait_until


@pytest.fixture
def network(mariadb_site: Site) -> Site:
    mariadb_site.init()
    return mariadb_site


def _prepare(server: RomanaServer) -> None:
    with server.client() as client:
        for path, body in (
            ("/v1/hosts", {"name": "a", "address": "192.0.2.1"}),
            ("/v1/tenants", {"name": "t"}),
            ("/v1/tenants/t/segments", {"name": "s"}),
        ):
            client.post(path, json=body).raise_for_status()


def _wanted(number: int) -> dict[str, str]:
    return {
        "host": "a",
        "tenant": "t",
        "segment": "s",
        "mac": f"fa:16:3e:00:00:{number:02x}",
        "interface": f"tap{number}",
    }


def _clients(servers: list[RomanaServer]) -> list[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {TOKENS['neutron']}"}
    return [httpx.AsyncClient(base_url=one.url, headers=headers, verify=one.site.trust, timeout=60) for one in servers]


async def _allocate(clients: list[httpx.AsyncClient], number: int) -> httpx.Response:
    """As a careful caller does: the same key again, at another server, until there is an answer."""
    for attempt in range(20):
        client = clients[(number + attempt) % len(clients)]
        try:
            answer = await client.post(
                "/v1/endpoints", json=_wanted(number), headers={"Idempotency-Key": f"port-{number}"}
            )
        except httpx.TransportError:
            continue
        if answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR:
            return answer
    raise AssertionError(f"no answer about port-{number}")


async def _close(clients: list[httpx.AsyncClient]) -> None:
    for client in clients:
        await client.aclose()


def _check(server: RomanaServer, made: list[dict[str, Any]], count: int) -> None:
    assert len({one["id"] for one in made}) == len({one["address"] for one in made}) == count
    with server.client() as client:
        there = client.get("/v1/endpoints").raise_for_status().json()
        assert client.get("/v1/ipam/check").json() == {"ok": True, "findings": []}
    assert {one["id"]: one["address"] for one in there} == {one["id"]: one["address"] for one in made}
    # No holes: nothing that was not asked for took a number in between.
    assert [one["address"] for one in there] == [f"10.0.17.{number}" for number in range(3, 3 + count)]


def test_200_concurrent_allocations_over_two_servers(network: Site, start: StartServer) -> None:
    servers = [start(network), start(network)]
    _prepare(servers[0])

    async def run() -> list[httpx.Response]:
        clients = _clients(servers)
        try:
            return await asyncio.gather(
                *(
                    clients[number % 2].post(
                        "/v1/endpoints", json=_wanted(number), headers={"Idempotency-Key": f"port-{number}"}
                    )
                    for number in range(200)
                )
            )
        finally:
            await _close(clients)

    answers = asyncio.run(run())
    assert Counter(one.status_code for one in answers) == {httpx.codes.CREATED: 200}
    _check(servers[1], [one.json() for one in answers], 200)


def test_the_same_request_at_two_servers_at_once_makes_one_endpoint(network: Site, start: StartServer) -> None:
    servers = [start(network), start(network)]
    _prepare(servers[0])

    async def run() -> list[httpx.Response]:
        clients = _clients(servers)
        try:
            return await asyncio.gather(
                *(_allocate(clients[index % 2 :], number) for index in range(8) for number in range(10))
            )
        finally:
            await _close(clients)

    answers = asyncio.run(run())
    assert Counter(one.status_code for one in answers) == {httpx.codes.CREATED: 10, httpx.codes.OK: 70}
    _check(servers[0], [one.json() for one in answers], 10)


def test_a_server_killed_amid_allocations_costs_no_address(network: Site, start: StartServer) -> None:
    servers = [start(network), start(network)]
    _prepare(servers[0])
    answered = 0

    async def one(clients: list[httpx.AsyncClient], number: int) -> httpx.Response:
        nonlocal answered
        answer = await _allocate(clients, number)
        answered += 1
        if answered == 20:
            servers[0].process.send_signal(signal.SIGKILL)
        return answer

    async def run() -> list[httpx.Response]:
        clients = _clients(servers)
        try:
            return await asyncio.gather(*(one(clients, number) for number in range(120)))
        finally:
            await _close(clients)

    answers = asyncio.run(run())
    assert servers[0].process.wait(DEADLINE_SECONDS) == -signal.SIGKILL
    assert {one.status_code for one in answers} <= {httpx.codes.CREATED, httpx.codes.OK}
    _check(servers[1], [one.json() for one in answers], 120)

    async def again() -> list[httpx.Response]:
        clients = _clients(servers[1:])
        try:
            return [await _allocate(clients, number) for number in range(0, 120, 10)]
        finally:
            await _close(clients)

    assert [one.json() for one in asyncio.run(again())] == [one.json() for one in answers[::10]]


def test_concurrent_allocations_and_releases_leave_a_sound_store(network: Site, start: StartServer) -> None:
    servers = [start(network), start(network)]
    _prepare(servers[0])

    async def come_and_go(clients: list[httpx.AsyncClient], number: int) -> None:
        for _ in range(3):
            made = (await clients[number % 2].post("/v1/endpoints", json=_wanted(number))).raise_for_status().json()
            (await clients[(number + 1) % 2].delete(f"/v1/endpoints/{made['id']}")).raise_for_status()
        (await clients[number % 2].post("/v1/endpoints", json=_wanted(number))).raise_for_status()

    async def run() -> None:
        clients = _clients(servers)
        try:
            await asyncio.gather(*(come_and_go(clients, number) for number in range(30)))
        finally:
            await _close(clients)

    asyncio.run(run())
    with servers[0].client() as client:
        assert client.get("/v1/ipam/check").json() == {"ok": True, "findings": []}
        assert len({one["address"] for one in client.get("/v1/endpoints").json()}) == 30


@pytest.fixture
def workers(site: Site, start: StartServer) -> Iterator[RomanaServer]:
    """One server with two worker processes."""
    site.init()
    server = start(site, workers=2)
    _prepare(server)
    return server


def test_a_worker_that_dies_is_replaced(workers: RomanaServer) -> None:
    wait_until(lambda: len(children(workers)) == 2, "two workers")
    before = children(workers)
    killed = min(before)
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: len(children(workers)) == 2 and killed not in children(workers), "the worker is replaced")
    workers.wait_until_healthy()
    with workers.client() as client:
        assert client.post("/v1/endpoints", json=_wanted(1)).status_code == httpx.codes.CREATED
    assert workers.terminate() == 0


def test_workers_count_together(workers: RomanaServer) -> None:
    for number in range(10):
        with workers.client() as client:  # each a new connection, so that both workers get some
            client.post("/v1/endpoints", json=_wanted(number)).raise_for_status()
    with workers.client() as client:
        assert "romana_allocations_total 10.0" in client.get("/metrics").text.splitlines()


@pytest.mark.parametrize("started", [1, 2])
def test_workers_end_with_their_parent_at_any_moment(sqlite_site: Site, started: int) -> None:
    sqlite_site.init()
    server = RomanaServer(sqlite_site, workers=2)
    try:
        wait_until(lambda: len(children(server)) >= started, f"{started} workers")
        workers = children(server)
        server.kill()
        wait_until(lambda: not [one for one in workers if Path(f"/proc/{one}").exists()], "they have ended, too")
    finally:
        server.close()
