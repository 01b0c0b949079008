"""plan, status and the question before an uninstallation."""

from __future__ import annotations

import json

import pytest
from aws_setup import Cloud, Setup


def changes(stack: Setup, **settings: object) -> dict[str, list[str]]:
    """What plan says of each kind of thing."""
    answer = json.loads(stack.run("plan", "--format", "json", **settings))
    assert answer["compared"] is True
    found: dict[str, list[str]] = {}
    for item in answer["resources"]:
        found.setdefault(item["change"], []).append(item["name"] if item["kind"] == "instance" else item["kind"])
    return found


NETWORK = ["VPC", "internet gateway", "subnet", "route table", "security group", "key pair"]


def test_plan_is_what_then_happens(stack: Setup, cloud: Cloud) -> None:
    assert changes(stack, devstack_compute_node=1) == {"add": [*NETWORK, "controller", "compute01"]}
    assert cloud.leftovers() == {}
    stack.provision(1)
    assert changes(stack, devstack_compute_node=1) == {"keep": [*NETWORK, "controller", "compute01"]}
    assert changes(stack, devstack_compute_node=2)["add"] == ["compute02"]
    assert changes(stack, devstack_compute_node=0)["remove"] == ["compute01"]
    bigger = {"devstack_compute_node": 1, "aws_instance_type_compute": "m5.large"}
    assert "only with -e aws_replace_changed=true" in stack.run("plan", **bigger)
    assert changes(stack, **bigger, aws_replace_changed=True)["change"] == ["compute01"]


def test_plan_without_credentials_says_what_it_could_not_do(stack: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    without = {name: value for name, value in stack.environment.items() if "KEY" not in name}
    monkeypatch.setattr(Setup, "environment", without)
    output = stack.run("plan", devstack_compute_node=4)
    assert "not compared with what exists: credentials: there are none for AWS" in output
    assert "compute04" in output
    assert "about $0.51 an hour" in output


def test_policy_is_shown_without_asking_anybody(stack: Setup, cloud: Cloud) -> None:
    policy = json.loads(stack.run("plan", "--iam-policy"))
    assert policy["Version"] == "2012-10-17"
    assert cloud.calls() == []


def test_policy_has_every_call_that_is_made(stack: Setup, cloud: Cloud) -> None:
    stack.run("check")
    stack.provision(1)
    stack.provision(0)
    stack.run("status", code=1)
    stack.run("uninstall", "--yes")
    allowed = {
        action for part in json.loads(stack.run("plan", "--iam-policy"))["Statement"] for action in part["Action"]
    }
    called = {f"{call['service']}:{call['action']}" for call in cloud.calls()}
    assert "ec2:RunInstances" in called
    assert called - allowed == set()
