"""A stack on AWS from nothing to nothing: what is made, what later runs change, what is left at the end.

The account encrypts volumes with a key of its own, and its organization demands a tag.
One stack lives through all of it; each step is a fixture that comes after another, and is looked at by tests.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aws_setup import CHANGES, REGION, REMOVALS, Cloud, Setup, Step, step
from iam import refusals
from service_model import models, problems

from romana_install.targets.aws import policy

ZONES = ["eu-west-1a", "eu-west-1b"]
TAGS = {"aws_tags": {"cost-center": "42"}}
ORGANIZATION = json.loads((Path(__file__).parent / "strict_organization.json").read_text())
COUNT = 6
NAMES = ["controller", *(f"compute{number:02}" for number in range(1, COUNT))]


@pytest.fixture(scope="module")
def stack(running_cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Setup:
    running_cloud.reset()
    running_cloud.own_key()
    settings = {**TAGS, "aws_availability_zones": ZONES, "aws_routes": True, "ttl_hours": 4}
    return Setup(running_cloud, tmp_path_factory.mktemp("stack"), settings=settings)


@dataclass(frozen=True)
class Seen:
    """What an action said, what it changed, and what there was then."""

    output: str
    changes: list[dict[str, Any]]
    leftovers: dict[str, list[str]]


def seen(stack: Setup, action: str, *words: str, **settings: Any) -> Seen:
    begun = len(stack.cloud.changes())
    output = stack.run(action, *words, **settings)
    return Seen(output, stack.cloud.changes()[begun:], stack.cloud.leftovers())


@pytest.fixture(scope="module")
def tried_out(stack: Setup) -> Seen:
    return seen(stack, "provision", "--", "--check", devstack_compute_node=2)


@pytest.fixture(scope="module")
def six(stack: Setup, tried_out: Seen) -> Step:
    assert tried_out
    return step(stack, COUNT - 1)


@pytest.fixture(scope="module")
def two(stack: Setup, six: Step) -> Step:
    assert six
    return step(stack, 1)


@pytest.fixture(scope="module")
def four(stack: Setup, two: Step) -> Step:
    assert two
    return step(stack, 3)


@pytest.fixture(scope="module")
def again(stack: Setup, four: Step) -> Step:
    assert four
    return step(stack, 3)


@dataclass(frozen=True)
class Neighbour:
    """Another stack beside ours, made and removed.

    before, after: what there was; between: the networks of VPCs; warning: what is said where nobody knows of it.
    """

    before: dict[str, list[str]]
    between: set[str]
    warning: str
    after: dict[str, list[str]]


@pytest.fixture(scope="module")
def neighbour(stack: Setup, again: Step, tmp_path_factory: pytest.TempPathFactory) -> Neighbour:
    assert again
    cloud, settings = stack.cloud, {**TAGS, "aws_network": "192.168.98.0/24"}
    before = cloud.leftovers()
    Setup(cloud, stack.state, "other", settings).provision(0)
    between = {vpc["CidrBlock"] for vpc in cloud.ask("describe_vpcs")["Vpcs"] if not vpc["IsDefault"]}
    elsewhere = Setup(cloud, tmp_path_factory.mktemp("elsewhere"), "other", settings)
    findings = json.loads(elsewhere.run("check", "--format", "json", code=3))["findings"]
    elsewhere.run("uninstall", "--yes")
    (warning,) = (item["text"] for item in findings if item["where"] == "stack_name")
    return Neighbour(before, between, warning, cloud.leftovers())


@pytest.fixture(scope="module")
def removed(stack: Setup, neighbour: Neighbour) -> Seen:
    assert neighbour
    stack.run("status", code=1)
    return seen(stack, "uninstall", "--yes")


def test_check_mode_from_nothing_makes_nothing(tried_out: Seen) -> None:
    assert "would have changed=" in tried_out.output
    assert tried_out.leftovers == {}
    assert tried_out.changes == []


def test_every_node_is_made(six: Step) -> None:
    assert six.changed > 0
    assert sorted(six.instances) == sorted(NAMES)


def test_nodes_take_turns_among_the_zones(six: Step) -> None:
    placed = {name: item["Placement"]["AvailabilityZone"] for name, item in six.instances.items()}
    assert placed == {name: ZONES[index % 2] for index, name in enumerate(NAMES)}
    firsts = (10, 138)  # of 192.168.99.0/25 and of 192.168.99.128/25
    assert six.addresses == {name: f"192.168.99.{firsts[index % 2] + index // 2}" for index, name in enumerate(NAMES)}


def test_every_host_is_routed_to(six: Step, two: Step, four: Step) -> None:
    for made, count in ((six, COUNT), (two, 2), (four, 4)):
        interfaces = [made.instances[name]["NetworkInterfaces"][0]["NetworkInterfaceId"] for name in NAMES[:count]]
        assert made.routes == {f"10.{index}.0.0/16": interface for index, interface in enumerate(interfaces)}


def test_nodes_are_removed_and_the_others_left_alone(six: Step, two: Step) -> None:
    assert two.identities == {name: six.identities[name] for name in NAMES[:2]}
    assert "RunInstances" not in two.actions


def test_nodes_are_added_and_the_others_left_alone(two: Step, four: Step) -> None:
    assert {name: four.identities[name] for name in NAMES[:2]} == two.identities
    assert four.addresses == {
        "controller": "192.168.99.10",
        "compute01": "192.168.99.138",
        "compute02": "192.168.99.11",
        "compute03": "192.168.99.139",
    }
    assert "TerminateInstances" not in four.actions


def test_what_is_there_is_not_made_again(four: Step, again: Step) -> None:
    assert again.changed == 0
    assert again.changes == []
    assert again.identities == four.identities


def test_a_stack_leaves_another_alone(neighbour: Neighbour) -> None:
    assert neighbour.between == {"192.168.99.0/24", "192.168.98.0/24"}
    assert neighbour.after == neighbour.before


def test_a_stack_of_that_name_from_elsewhere(neighbour: Neighbour) -> None:
    assert neighbour.warning.startswith(f"there is a stack other in {REGION} (vpc-")
    assert neighbour.warning.endswith(f"./romana-setup -e stack_name=other -t aws uninstall -e region={REGION}")


def test_a_stack_is_removed_without_a_trace(stack: Setup, removed: Seen) -> None:
    assert removed.leftovers == {}
    assert not stack.directory.exists()
    assert "nothing" in stack.run("uninstall", "--yes")


def test_these_are_all_changes(six: Step, removed: Seen) -> None:
    changes = {*six.actions, *(call["action"] for call in removed.changes)}
    assert changes - {"CreateTags"} == {*CHANGES, *REMOVALS}


def test_calls_are_what_the_service_model_allows(stack: Setup, removed: Seen) -> None:
    assert removed
    allowing = models()
    calls = [call for call in stack.cloud.calls() if call["service"] in allowing]
    assert len(calls) > 100
    assert [problem for call in calls for problem in problems(allowing[call["service"]], call)] == []


@pytest.fixture(scope="module")
def asked(stack: Setup, removed: Seen) -> list[dict[str, Any]]:
    """Every call of all these runs."""
    assert removed
    return stack.cloud.calls()


@pytest.fixture(scope="module")
def permitted(stack: Setup, asked: list[dict[str, Any]]) -> dict[str, Any]:
    """The policy that is shown; after the runs, so that asking for it is none of their calls."""
    assert asked
    return dict(json.loads(stack.run("plan", "--iam-policy")))


def test_policy_allows_every_call_that_is_made(asked: list[dict[str, Any]], permitted: dict[str, Any]) -> None:
    assert {"RunInstances", "TerminateInstances", "DeleteVpc", "DescribeKey", "GetServiceQuota"} <= {
        call["action"] for call in asked
    }
    assert refusals([permitted], asked) == []


@pytest.mark.parametrize(
    "name", [part["Sid"] for part in policy.document(REGION, "arn:aws:kms:x:1:key/1")["Statement"]]
)
def test_policy_without_any_of_its_statements_does_not(
    asked: list[dict[str, Any]], permitted: dict[str, Any], name: str
) -> None:
    less = [part for part in permitted["Statement"] if part["Sid"] != name]
    assert len(less) == len(permitted["Statement"]) - 1
    assert refusals([{**permitted, "Statement": less}], asked) != []


def test_policy_allows_changes_in_its_region_and_removals_of_stacks_alone(
    asked: list[dict[str, Any]], permitted: dict[str, Any]
) -> None:
    elsewhere = [{**call, "region": "us-east-1"} for call in asked if call["action"] == "CreateVpc"]
    of_others = [{**call, "tags": {name: {"Name": "x"} for name in call["tags"]}} for call in asked]
    removals = [call for call in of_others if call["action"] in ("TerminateInstances", "DeleteVpc", "DeleteKeyPair")]
    for calls in (elsewhere, removals):
        assert calls
        assert all(refusals([permitted], [call]) for call in calls)


def test_a_strict_organization_lets_every_call_pass(asked: list[dict[str, Any]], permitted: dict[str, Any]) -> None:
    assert refusals([permitted, ORGANIZATION], asked) == []


def weaker(call: dict[str, Any], without: str) -> dict[str, Any]:
    """A call without the parameters whose names, or values, have a word in them."""
    named = {name.rpartition(".")[0] for name, value in call["parameters"].items() if value == without}
    return {
        **call,
        "parameters": {
            name: value
            for name, value in call["parameters"].items()
            if without not in name and name.rpartition(".")[0] not in named
        },
    }


@pytest.mark.parametrize("without", ["HttpTokens", "Encrypted", "cost-center"])
def test_it_stops_launches_that_are_any_weaker(asked: list[dict[str, Any]], without: str) -> None:
    launches = [call for call in asked if call["action"] == "RunInstances"]
    assert any(call["parameters"].get("DryRun") == "true" for call in launches)
    assert all(refusals([ORGANIZATION], [weaker(call, without)]) for call in launches)


def test_it_stops_whatever_is_made_without_its_tag(asked: list[dict[str, Any]]) -> None:
    made = [
        call for call in asked if call["action"].startswith(("CreateVpc", "CreateSub", "CreateSec", "CreateInt", "Imp"))
    ]
    assert len({call["action"] for call in made}) == 5
    assert all(refusals([ORGANIZATION], [weaker(call, "cost-center")]) for call in made)
