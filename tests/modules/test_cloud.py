"""The modules that speak to OpenStack, on a machine that has nothing of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import run_module

AUTH = {"auth_url": "http://127.0.0.1:9/v3", "username": "admin", "password": "very secret", "project_name": "admin"}
USER = {"name": "demo", "password": "very secret", "grants": [{"project": "demo", "roles": ["member"]}]}
NETWORK = {"name": "romana", "shared": True, "cidr": "10.0.0.0/8"}
EXTERNAL = {"name": "public", "external": True, "cidr": "192.0.2.128/26"}
OF_NODES = {"cidr": "192.0.2.0/24", "pools": [{"first": "192.0.2.9", "last": "192.0.2.9"}], "service_types": ["a:b"]}
POOL = {"name": "romana", "cidr": "10.0.0.0/8"}
SEGMENT = {"name": "romanaSegment", "title": "Segment", "description": "Name of the segment."}
TASKS: dict[str, dict[str, Any]] = {
    "identity": {"auth": AUTH, "region": "RegionOne", "users": [USER]},
    "cloud_resources": {
        "auth": AUTH,
        "networks": [NETWORK, EXTERNAL, {"name": "other", "external": True, "subnets": [OF_NODES]}],
        "subnet_pool": POOL,
    },
    "instance_metadata": {"auth": AUTH, "namespace": "Romana", "description": "Where?", "properties": [SEGMENT]},
}
MADE = {
    "identity": "make user demo",
    "cloud_resources": "make network public",
    "instance_metadata": "make metadata definitions Romana",
}
HOSTS: dict[str, Any] = {"auth": AUTH, "hosts": ["compute02"]}


@pytest.mark.parametrize("name", TASKS)
def test_check_mode_tells_what_an_installation_would_make(collections: Path, name: str) -> None:
    result = run_module(collections, name, True, TASKS[name])
    assert result["changed"]
    assert MADE[name] in result["changes"]
    assert result["warnings"] == []
    assert "very secret" not in json.dumps(result)


def test_check_mode_finds_nobody_who_could_leave(collections: Path) -> None:
    assert not run_module(collections, "compute_leave", True, HOSTS)["changed"]


def test_check_mode_waits_for_nobody(collections: Path) -> None:
    result = run_module(collections, "compute_join", True, HOSTS)
    assert result["waiting"] == {"compute02": "there is no Nova yet"}
    assert not result["changed"]


@pytest.mark.parametrize("name", [*TASKS, "compute_join", "compute_leave"])
def test_missing_library_is_named(collections: Path, name: str) -> None:
    result = run_module(collections, name, False, TASKS.get(name, HOSTS))
    assert result["failed"]
    assert "python3-keystoneauth1" in result["msg"]


@pytest.mark.parametrize(
    ("subnets", "message"),
    [
        ({}, "one of the following is required: cidr, subnets"),
        ({"cidr": "10.0.0.0/8", "subnets": [{"cidr": "10.0.0.0/8"}]}, "mutually exclusive: cidr|subnets"),
    ],
)
def test_network_has_one_subnet_or_several(collections: Path, subnets: dict[str, Any], message: str) -> None:
    result = run_module(collections, "cloud_resources", True, {"auth": AUTH, "networks": [{"name": "x", **subnets}]})
    assert result["failed"]
    assert message in result["msg"]


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ({}, "one of the following is required: file, kernel"),
        ({"file": "/a", "kernel": "/b"}, "mutually exclusive: file|kernel"),
        ({"kernel": "/b"}, "required together: kernel, ramdisk, cmdline"),
        ({"file": "/a"}, "required together: file, disk_format"),
    ],
)
def test_image_is_either_a_file_or_a_kernel(collections: Path, image: dict[str, str], message: str) -> None:
    result = run_module(collections, "cloud_resources", True, {"auth": AUTH, "images": [{"name": "tiny", **image}]})
    assert result["failed"]
    assert message in result["msg"]
