"""The description of the API is true: whatever is sent, answers are as it says, and the server never fails."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from ipaddress import IPv4Address
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest

from romana import contract
from romana.models import ErrorCode, Plan

from .conftest import StartServer
from .romana_server import TOKENS, RomanaServer, Site

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
CONFIG = Path(__file__).with_name("schemathesis.toml")
SEED = 1
PLAN = {"cidr": "10.0.0.0/20", "host_bits": 2, "tenant_bits": 2, "segment_bits": 2, "endpoint_bits": 6}
NAMES = ("a", "b")


def fill(api: httpx.Client) -> list[dict[str, Any]]:
    """Hosts, tenants, segments and policies named as NAMES, and an endpoint wherever there can be one: these."""

    def make(path: str, body: object) -> dict[str, Any]:
        made: dict[str, Any] = api.post(path, json=body).raise_for_status().json()
        return made

    for number, name in enumerate(NAMES, start=1):
        make("/v1/hosts", {"name": name, "address": f"192.0.2.{number}"})
        make("/v1/tenants", {"name": name})
        for segment in NAMES:
            make(f"/v1/tenants/{name}/segments", {"name": segment})
        make("/v1/policies", {"name": name, "source": {"tenant": name}, "target": {"cidr": "198.51.100.0/24"}})
    return [
        make(
            "/v1/endpoints",
            {"host": host, "tenant": tenant, "segment": segment, "mac": "02:00:00:00:00:01", "interface": "tap"},
        )
        for host, tenant, segment in product(NAMES, repeat=3)
    ]


EVERY_PHASE = "examples,coverage,fuzzing,stateful"
AT_RANDOM = "fuzzing"  # what a role may not do is refused before anything else is looked at
LONG = pytest.mark.long("asks more as an administrator, also on the other database, and as more of those who may less")


@pytest.mark.parametrize(
    ("site", "role", "examples", "phases"),
    [
        ("mariadb", "admin", 5, EVERY_PHASE),
        pytest.param("mariadb", "admin", 15, EVERY_PHASE, marks=LONG),
        pytest.param("sqlite", "admin", 15, AT_RANDOM, marks=LONG),
        ("sqlite", "neutron", 5, AT_RANDOM),
        pytest.param("sqlite", "reader", 3, AT_RANDOM, marks=LONG),
        pytest.param("sqlite", "a", 3, AT_RANDOM, marks=LONG),
    ],
    indirect=["site"],
)
def test_answers_are_as_described_whatever_is_sent(
    site: Site, start: StartServer, tmp_path: Path, role: str, examples: int, phases: str
) -> None:
    """Requests that fit their schema and requests that do not, each alone and one after the other."""
    site.init(Plan.model_validate(PLAN))
    server = start(site, plan=PLAN)
    with server.client() as api:
        endpoints = fill(api)
    addresses = ["192.0.2.1", "192.0.2.9", endpoints[0]["address"], str(IPv4Address(endpoints[0]["address"]) + 1)]
    dictionaries = {"identifiers": [one["id"] for one in endpoints], "addresses": addresses}
    config = tmp_path / "schemathesis.toml"
    lists = [f"[dictionaries.{name}]\nvalues = {json.dumps(values)}\n" for name, values in dictionaries.items()]
    config.write_text("\n".join([CONFIG.read_text(), *lists]))
    done = subprocess.run(
        [
            *(SCHEMATHESIS, "--config-file", config, "--no-color", "run", f"{server.url}/openapi.json"),
            *("--tls-verify", site.ca_file, "--header", f"Authorization: Bearer {TOKENS[role]}"),
            *(
                "--include-path-regex",
                "^/v1/",
                "--max-examples",
                str(examples),
                "--phases",
                phases,
                "--seed",
                str(SEED),
            ),
        ],
        cwd=tmp_path,
        env=dict(site.environment),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr + server.log


@pytest.mark.parametrize("server", ["sqlite"], indirect=True, scope="session")
def test_every_operation_says_how_it_refuses(server: RomanaServer) -> None:
    with server.client(None) as anybody:
        document = anybody.get("/openapi.json").raise_for_status().json()
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert set(document["components"]["schemas"]["ErrorCode"]["enum"]) == set(ErrorCode)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            expected = {"500", "503"}
            if path not in ("/healthz",):
                expected |= {"401"}
            if path.startswith("/v1/"):
                expected |= {"403"}
            if "requestBody" in operation:
                expected |= {"413", "422"}
            if "parameters" in operation:
                expected |= {"422"}
            answers = operation["responses"]
            assert expected <= set(answers), (method, path)
            for status in set(answers) - {"200", "201", "204"}:
                schema = answers[status]["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/ErrorBody"}


def test_clients_know_the_routes_and_codes_that_there_are(server: RomanaServer) -> None:
    with server.client(None) as client:
        paths = client.get("/openapi.json").raise_for_status().json()["paths"]
    served = {re.sub(r"{\w+}", "{}", path) for path in paths if path.startswith("/v1/")}
    known = {route for route in vars(contract).values() if isinstance(route, str) and route.startswith("/v1/")}
    assert served - known == {"/v1/hosts/{}/state"}  # what agents asked for before there were /changes
    assert known <= served
    assert {*contract.ADVICE, contract.NOT_FOUND, contract.INTERNAL} <= set(ErrorCode)
