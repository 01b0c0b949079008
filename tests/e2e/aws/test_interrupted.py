"""Runs that AWS refuses, or that are killed: the next goes on, with nothing there twice, or removes all that there is.

One stack goes through all of it, in the order in which an installation, and then an uninstallation, changes things.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from aws_setup import CHANGES, REMOVALS, Cloud, Setup, Step, interrupt, step, tags

PATIENCE = ("--", "-e", "aws_instances_patience=5")  # seconds that EC2 gets to take an order
TRIES = {"CreateVpc": 1, "RunInstances": 1}  # how often the checks before ask whether they may, without doing it
CAPACITY = "InsufficientInstanceCapacity"
QUOTA = ("VcpuLimitExceeded", "You have requested more vCPU capacity than your current limit of 1 allows.")
REFUSALS = {  # by action: code and message
    "CreateVpc": [("VpcLimitExceeded", "The maximum number of VPCs has been reached.")],
    "CreateSubnet": [("UnauthorizedOperation", "You are not authorized to perform this operation.")],
    "RunInstances": [
        QUOTA,
        ("InvalidIPAddress.InUse", "Address 192.168.99.10 is in use."),
        (CAPACITY, "Insufficient capacity."),
    ],
}
THROTTLED = {"code": "RequestLimitExceeded", "message": "Request limit exceeded.", "times": 2}


@dataclass(frozen=True)
class Course:
    """What happens: the changes at which runs are killed, of an installation and of a removal, and what is refused."""

    changes: list[str]
    removals: list[str]
    refusals: list[tuple[str, str]]


EVERY = Course(CHANGES, REMOVALS, [each for several in REFUSALS.values() for each in several])
# At what comes first, at what is found by its tag alone until it is attached, and where instances begin and end.
FEW = Course(
    ["CreateVpc", "CreateInternetGateway", "RunInstances"],
    ["TerminateInstances", "DetachInternetGateway"],
    [QUOTA, (CAPACITY, "Insufficient capacity.")],
)
WHOLE = pytest.param(
    EVERY, id="every", marks=pytest.mark.long("it kills a run at each of its 18 changes, and has it refused five times")
)
ELSEWHERE = "999999999999"  # an account that is not ours


@dataclass(frozen=True)
class Trouble:
    """All of it until a stack is there.

    strange: what is said, by action, of a stack that is half made and noted to be in another account; said: what was
    said of each refusal, by its code; refused: the instances there were after the last; launches: the calls of the run
    in which launches were throttled.
    """

    strange: dict[str, str]
    said: dict[str, str]
    refused: dict[str, dict[str, Any]]
    launches: list[dict[str, Any]]


@pytest.fixture(scope="module", params=[pytest.param(FEW, id="few"), WHOLE])
def course(request: pytest.FixtureRequest) -> Course:
    found: Course = request.param
    return found


@pytest.fixture(scope="module")
def stack(running_cloud: Cloud, course: Course, tmp_path_factory: pytest.TempPathFactory) -> Setup:
    assert course
    running_cloud.reset()
    return Setup(running_cloud, tmp_path_factory.mktemp("interrupted"))


def refuse(stack: Setup, action: str, code: str, message: str) -> str:
    """What is said when AWS refuses an action."""
    stack.cloud.rules({"action": action, "code": code, "message": message, "skip": TRIES.get(action, 0)})
    output = stack.run("provision", *PATIENCE, code=1, devstack_compute_node=1, aws_routes=True)
    stack.cloud.rules()
    return output


def in_another_account(stack: Setup) -> dict[str, str]:
    """What is said by an uninstallation and by a check where the stack is noted to be in another account, by action."""
    notes = stack.directory / "stack.json"
    ours = notes.read_text()
    known = json.loads(ours)
    notes.write_text(json.dumps({**known, "target": {**known["target"], "account": ELSEWHERE}}))
    said = {action: stack.run(action, *words, code=3) for action, *words in (["uninstall", "--yes"], ["check"])}
    notes.write_text(ours)
    return said


@pytest.fixture(scope="module")
def trouble(stack: Setup, course: Course) -> Trouble:
    cloud = stack.cloud
    strange: dict[str, str] = {}
    said: dict[str, str] = {}
    refused: dict[str, dict[str, Any]] = {}
    launches: list[dict[str, Any]] = []
    for action in CHANGES:
        for code, message in REFUSALS.get(action, []):
            if (code, message) in course.refusals:
                said[code] = refuse(stack, action, code, message)
        if action == "RunInstances":
            refused, begun = cloud.instances(), len(cloud.calls())
            throttles = [
                {"action": action, **THROTTLED, "skip": TRIES[action]},
                {"action": "DescribeVpcs", **THROTTLED},
            ]
            interrupt(stack, action, "provision", before=throttles)
            launches = cloud.calls()[begun:]
        elif action in course.changes:
            interrupt(stack, action, "provision")
        if action == "CreateInternetGateway":
            strange = in_another_account(stack)
    return Trouble(strange, said, refused, launches)


@pytest.fixture(scope="module")
def completed(stack: Setup, trouble: Trouble) -> Step:
    assert trouble
    return step(stack, 1, aws_routes=True)


def test_what_a_killed_run_has_made_is_not_removed_by_credentials_of_another_account(trouble: Trouble) -> None:
    assert list(trouble.strange) == ["uninstall", "check"]
    for said in trouble.strange.values():
        assert f", and stack demo is in {ELSEWHERE}" in said


def test_refusals_are_said(trouble: Trouble, course: Course) -> None:
    assert trouble.said.keys() == {code for code, _ in course.refusals}
    for code, message in course.refusals:
        assert "resume" in trouble.said[code]
        assert message in trouble.said[code] or code == CAPACITY


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


def test_runs_that_are_killed_are_completed(stack: Setup, completed: Step) -> None:
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


def test_removals_that_are_killed_are_completed(stack: Setup, completed: Step, course: Course) -> None:
    assert completed
    for action in course.removals:
        interrupt(stack, action, "uninstall", "--yes")
    stack.run("uninstall", "--yes")
    assert stack.cloud.leftovers() == {}
