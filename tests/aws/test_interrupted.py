"""A provisioning that AWS refuses and that is killed, at every change: the next run goes on, with nothing there twice.

One stack goes through all of it, in the order in which an installation changes things.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from aws_setup import CHANGES, Cloud, Setup, Step, interrupt, step, tags

PATIENCE = ("--", "-e", "aws_instances_patience=5")  # seconds that EC2 gets to take an order
TRIES = {"CreateVpc": 1, "RunInstances": 1}  # how often the checks before ask whether they may, without doing it
CAPACITY = "InsufficientInstanceCapacity"
REFUSALS = {  # by action: code and message
    "CreateVpc": [("VpcLimitExceeded", "The maximum number of VPCs has been reached.")],
    "CreateSubnet": [("UnauthorizedOperation", "You are not authorized to perform this operation.")],
    "RunInstances": [
        ("VcpuLimitExceeded", "You have requested more vCPU capacity than your current limit of 1 allows."),
        ("InvalidIPAddress.InUse", "Address 192.168.99.10 is in use."),
        (CAPACITY, "Insufficient capacity."),
    ],
}
THROTTLED = {"code": "RequestLimitExceeded", "message": "Request limit exceeded.", "times": 2}


def refuse(stack: Setup, action: str, code: str, message: str) -> str:
    """What is said when AWS refuses an action."""
    stack.cloud.rules({"action": action, "code": code, "message": message, "skip": TRIES.get(action, 0)})
    output = stack.run("provision", *PATIENCE, code=1, devstack_compute_node=1, aws_routes=True)
    stack.cloud.rules()
    return output


@dataclass(frozen=True)
class Trouble:
    """All of it. said: what was said of each refusal, by its code; refused: the instances there were after the last;
    launches: the calls of the run in which launches were throttled.
    """

    said: dict[str, str]
    refused: dict[str, dict[str, Any]]
    launches: list[dict[str, Any]]


@pytest.fixture(scope="module")
def stack(running_cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Setup:
    running_cloud.reset()
    return Setup(running_cloud, tmp_path_factory.mktemp("interrupted"))


@pytest.fixture(scope="module")
def trouble(stack: Setup) -> Trouble:
    cloud = stack.cloud
    said: dict[str, str] = {}
    refused: dict[str, dict[str, Any]] = {}
    launches: list[dict[str, Any]] = []
    for action in CHANGES:
        for code, message in REFUSALS.get(action, []):
            said[code] = refuse(stack, action, code, message)
        if action == "RunInstances":
            refused, begun = cloud.instances(), len(cloud.calls())
            throttles = [
                {"action": action, **THROTTLED, "skip": TRIES[action]},
                {"action": "DescribeVpcs", **THROTTLED},
            ]
            interrupt(stack, action, "provision", before=throttles)
            launches = cloud.calls()[begun:]
        else:
            interrupt(stack, action, "provision")
    return Trouble(said, refused, launches)


@pytest.fixture(scope="module")
def completed(stack: Setup, trouble: Trouble) -> Step:
    assert trouble
    return step(stack, 1, aws_routes=True)


@pytest.mark.parametrize(("code", "message"), [each for several in REFUSALS.values() for each in several][:-1])
def test_a_refusal_is_said(trouble: Trouble, code: str, message: str) -> None:
    assert message in trouble.said[code]
    assert "resume" in trouble.said[code]


def test_capacity_is_not_waited_for_for_minutes(trouble: Trouble) -> None:
    said = trouble.said[CAPACITY]
    assert "controller: EC2 has not made an instance of type t3.large within 5 s" in said
    assert "choose another instance type or zone" in said
    assert trouble.refused == {}


def test_throttling_is_waited_out(trouble: Trouble) -> None:
    for action in ("RunInstances", "DescribeVpcs"):
        calls = [call for call in trouble.launches if call["action"] == action]
        asked = [call["status"] == 200 for call in calls if call["parameters"].get("DryRun") != "true"]
        assert asked.count(False) == 2, action
        assert asked[-1], action


def test_runs_that_are_killed_at_every_change_are_completed(stack: Setup, completed: Step) -> None:
    cloud = stack.cloud
    assert sorted(completed.instances) == ["compute01", "controller"]
    assert sorted(completed.routes) == ["10.0.0.0/16", "10.1.0.0/16"]
    assert len(cloud.ask("describe_internet_gateways")["InternetGateways"]) == 1
    assert len(cloud.ask("describe_key_pairs")["KeyPairs"]) == 1
    ours = [tags(vpc) for vpc in cloud.ask("describe_vpcs")["Vpcs"] if not vpc["IsDefault"]]
    assert [found["romana:stack"] for found in ours] == ["demo"]


def test_what_has_been_completed_is_not_changed_again(stack: Setup, completed: Step) -> None:
    assert completed
    assert step(stack, 1, aws_routes=True).changes == []
