"""What the API modules would ask for, from what there is and what the task says: pure, so without a server."""

from __future__ import annotations

from typing import Any

import pytest
from plugins.module_utils.difference import RefusedError
from plugins.modules import host, policy, segment, tenant


def asked(found: Any) -> list[tuple[str, str, Any]]:
    """The steps without their sentences."""
    return [(step.method, step.path, step.body) for step in found.steps]


def test_names_are_quoted_in_paths() -> None:
    params = {"state": "absent", "tenant": "a?b", "name": "c \u00e9"}
    steps = [("DELETE", "/v1/tenants/a%3Fb/segments/c%20%C3%A9", None)]
    assert asked(segment.difference(params, {"name": "c \u00e9"})) == steps


HOST = {"name": "compute01", "address": "192.168.99.11", "index": 1, "prefix": "10.1.0.0/16", "endpoints": 0}
FLOATING = {"floating_ips": ["192.0.2.8", "192.0.2.9"]}


def host_task(**arguments: Any) -> dict[str, Any]:
    """The parameters of a host task."""
    usual = {"name": "compute01", "address": "192.168.99.11", "state": "present"}
    return usual | dict.fromkeys(("index", "owner", "floating_ips")) | arguments


@pytest.mark.parametrize(
    ("task", "current", "steps"),
    [
        ({}, {}, [("POST", "/v1/hosts", {"name": "compute01", "address": "192.168.99.11"})]),
        ({"index": 0}, {}, [("POST", "/v1/hosts", {"name": "compute01", "address": "192.168.99.11", "index": 0})]),
        ({}, HOST, []),
        ({"index": 1}, HOST, []),
        ({"address": "192.168.99.12"}, HOST, [("PATCH", "/v1/hosts/compute01", {"address": "192.168.99.12"})]),
        ({"owner": "demo"}, HOST, [("PATCH", "/v1/hosts/compute01", {"owner": "demo"})]),
        ({"owner": "demo"}, HOST | {"owner": "demo"}, []),
        ({}, HOST | {"owner": "demo"}, []),
        ({"owner": ""}, HOST | {"owner": "demo"}, [("PATCH", "/v1/hosts/compute01", {"owner": None})]),
        ({"floating_ips": ["192.0.2.9", "192.0.2.8"]}, HOST | FLOATING, []),
        ({}, HOST | FLOATING, []),
        (
            {"floating_ips": ["192.0.2.7"]},
            HOST | FLOATING,
            [("PATCH", "/v1/hosts/compute01", {"floating_ips": ["192.0.2.7"]})],
        ),
        ({"floating_ips": []}, HOST | FLOATING, [("PATCH", "/v1/hosts/compute01", {"floating_ips": []})]),
        ({"floating_ips": []}, HOST, []),
        ({"state": "absent", "address": None}, HOST, [("DELETE", "/v1/hosts/compute01", None)]),
        ({"state": "absent", "address": None}, {}, []),
    ],
)
def test_host_steps(task: dict[str, Any], current: dict[str, Any], steps: list[Any]) -> None:
    found = host.difference(host_task(**task), current)
    assert asked(found) == steps
    assert (found.before == found.after) == (not steps)


@pytest.mark.parametrize(
    "task", [{"index": 2}, {"index": 0}, {"address": "compute01"}, {"address": "192.168.99.11/24"}]
)
def test_impossible_host_is_refused(task: dict[str, Any]) -> None:
    with pytest.raises(RefusedError):
        host.difference(host_task(**task), HOST)


TENANT = {"name": "demo", "number": 2, "project_id": "p", "segments": ["default", "s1"], "endpoints": 0}


@pytest.mark.parametrize(
    ("task", "current", "after", "steps"),
    [
        ({}, {}, [], ["POST /v1/tenants"]),
        (
            {"segments": ["s2", "s1", "s2"]},
            {},
            ["s2", "s1"],
            ["POST /v1/tenants", "POST /v1/tenants/demo/segments s2", "POST /v1/tenants/demo/segments s1"],
        ),
        ({}, TENANT, ["default", "s1"], []),
        ({"project_id": "p", "segments": ["s1"]}, TENANT, ["default", "s1"], []),
        ({"segments": ["s1", "default"], "purge_segments": True}, TENANT, ["default", "s1"], []),
        (
            {"segments": ["s1", "s2"], "purge_segments": True},
            TENANT,
            ["s1", "s2"],
            ["DELETE /v1/tenants/demo/segments/default", "POST /v1/tenants/demo/segments s2"],
        ),
    ],
)
def test_tenant_steps(task: dict[str, Any], current: dict[str, Any], after: list[str], steps: list[str]) -> None:
    params = {"name": "demo", "project_id": None, "segments": None, "purge_segments": False, "state": "present"} | task
    found = tenant.difference(params, current)
    assert found.after["segments"] == after
    said = [f"{step.method} {step.path} {(step.body or {}).get('name', '')}" for step in found.steps]
    assert [text.removesuffix(" demo").strip() for text in said] == steps


def test_project_of_a_tenant_is_changed_by_one_request() -> None:
    params = {"name": "demo", "project_id": "q", "segments": None, "purge_segments": False, "state": "present"}
    (request,) = tenant.difference(params, TENANT).steps
    assert (request.method, request.body) == ("PATCH", {"project_id": "q"})


def policy_task(**arguments: Any) -> dict[str, Any]:
    """The parameters of a policy task."""
    nobody = {"tenant": None, "segment": None, "cidr": None}
    source, target = {**nobody, "cidr": "192.168.99.0/24"}, {**nobody, "tenant": "demo", "segment": "s1"}
    task = {"name": "web", "source": source, "target": target, "protocol": "tcp", "ports": ["80"], "state": "present"}
    return task | arguments


@pytest.mark.parametrize(
    ("ports", "same"),
    [
        (["80", "443"], ["443", "80"]),
        (["80-80"], ["80"]),
        (["0080", "80"], ["80"]),
        (["8000-8010", "22"], ["22", "8000-8010"]),
    ],
)
def test_ports_that_mean_the_same_are_no_change(ports: list[str], same: list[str]) -> None:
    current = {**policy.normal(policy_task(ports=same)), "generation": 7}
    assert asked(policy.difference(policy_task(ports=ports), current)) == []


def test_changed_policy_is_made_anew() -> None:
    current = {**policy.normal(policy_task()), "generation": 7}
    found = policy.difference(policy_task(ports=["81"]), current)
    assert [step.method for step in found.steps] == ["DELETE", "POST"]
    assert (found.before["ports"], found.after["ports"]) == (["80"], ["81"])


@pytest.mark.parametrize(
    "task",
    [
        {"ports": ["0"]},
        {"ports": ["65536"]},
        {"ports": ["90-80"]},
        {"ports": ["http"]},
        {"ports": ["1-2-3"]},
        {"protocol": "icmp"},
        {"source": {"tenant": None, "segment": None, "cidr": "10.0.0.1/8"}},
    ],
)
def test_impossible_policy_is_refused(task: dict[str, Any]) -> None:
    with pytest.raises(RefusedError):
        policy.difference(policy_task(**task), {})
