"""A stack on AWS itself, from nothing to nothing.

One stack lives through all of it; each step is a fixture that comes after another.
"""

from __future__ import annotations

import json

import pytest
from romana_setup import Setup


@pytest.fixture(scope="module")
def provisioned(stack: Setup) -> str:
    assert "and so is AWS" in stack.run("check")
    return stack.run("provision")


@pytest.fixture(scope="module")
def installed(stack: Setup, provisioned: str) -> str:
    assert provisioned
    return stack.run("install")


@pytest.fixture(scope="module")
def again(stack: Setup, installed: str) -> str:
    assert installed
    return stack.run("install")


def test_two_machines_run_and_stop_themselves_in_time(stack: Setup, provisioned: str) -> None:
    assert "changed=0" not in provisioned
    instances = json.loads(stack.run("status", "--format", "json", code=1))["aws"]["instances"]
    assert {item["node"]: item["state"] for item in instances} == {"controller": "running", "compute01": "running"}
    assert all(0 < item["hours_left"] <= 1 for item in instances)


def test_network_is_as_it_should_be(stack: Setup, installed: str) -> None:
    assert installed
    stack.run("verify")
    stack.run("status")


def test_second_install_changes_nothing(again: str) -> None:
    assert "changed=0" in again


def test_uninstall_leaves_nothing(stack: Setup, again: str) -> None:
    assert again
    stack.run("uninstall", "--yes")
    planned = json.loads(stack.run("plan", "--format", "json"))
    assert planned["compared"] is True
    assert {item["change"] for item in planned["resources"]} == {"add"}
