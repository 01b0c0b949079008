"""plan, status and the question before an uninstallation."""

from __future__ import annotations

import json

import pytest
from aws_setup import REGION, Cloud, Setup


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


def test_status_tells_time_left_and_cost(stack: Setup) -> None:
    stack.provision(0, ttl_hours=8)
    (instance,) = json.loads(stack.run("status", "--format", "json", code=1))["aws"]["instances"]
    assert (instance["node"], instance["state"], instance["type"]) == ("controller", "running", "t3.large")
    assert 7.9 < instance["hours_left"] <= 8
    assert instance["usd"] >= 0
    output = stack.run("status", code=1)
    assert "stops in" in output
    assert "an hour now, at list prices of" in output


def test_a_stack_in_another_region_is_not_meant(stack: Setup) -> None:
    stack.provision(0)
    assert f"stack demo is in {REGION}; leave it out" in stack.run("status", code=2, region="eu-central-1")


def test_uninstall_shows_what_goes_and_asks(stack: Setup, cloud: Cloud) -> None:
    stack.provision(1)
    before = cloud.leftovers()
    output = stack.run("uninstall", code=2)
    assert "2 instances: controller (i-" in output
    assert "1 VPC: vpc-" in output
    assert "1 key pair: romana-demo" in output
    assert "give --yes" in output
    assert cloud.leftovers() == before


def test_uninstall_without_a_way_in_removes_nothing(stack: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    stack.provision(0)
    without = {name: value for name, value in stack.environment.items() if "KEY" not in name}
    monkeypatch.setattr(Setup, "environment", without)
    assert "credentials: there are none for AWS" in stack.run("uninstall", "--yes", code=3)
    assert stack.directory.exists()
