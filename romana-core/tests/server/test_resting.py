"""A request for an address that hosts may still have in groups: it waits for them, but not for ever."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from .romana_server import RomanaServer

PLACE = {"host": "a", "tenant": "t", "segment": "s"}


def test_a_request_waits_until_hosts_have_confirmed(server: RomanaServer) -> None:
    with server.client() as client, server.client("b") as agent, ThreadPoolExecutor(1) as pool:
        client.put("/v1/groups/left", json={}).raise_for_status()
        wanted = PLACE | {"mac": "fa:16:3e:aa:00:01", "interface": "rest1"}
        first = (
            client.post("/v1/endpoints", json=wanted | {"permissions": {"groups": ["left"]}}).raise_for_status().json()
        )
        client.delete(f"/v1/endpoints/{first['id']}").raise_for_status()
        again = wanted | {"address": first["address"]}

        refused = client.post("/v1/endpoints", json=again)
        assert refused.status_code == httpx.codes.CONFLICT
        error: dict[str, Any] = refused.json()["error"]
        assert error["code"] == "address_in_use"
        assert error["details"] == {"hosts": ["b"]}

        waiting = pool.submit(client.post, "/v1/endpoints", json=again)
        known = agent.get("/v1/hosts/b/changes").raise_for_status().json()
        report = {"generation": known["state"]["generation"], "members": known["members"]["generation"]}
        agent.put("/v1/hosts/b/applied", json=report).raise_for_status()
        made = waiting.result().raise_for_status().json()
        assert made["address"] == first["address"]
        client.delete(f"/v1/endpoints/{made['id']}").raise_for_status()
        client.delete("/v1/groups/left").raise_for_status()
