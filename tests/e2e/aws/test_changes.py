"""What has been changed in the configuration reaches instances that are there only when that is asked for.

One stack is changed in steps, each a fixture that comes after another; by a profile, with other keys in the
environment.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from aws_setup import PROFILE, PROFILES_KEY, Cloud, Setup, Step, profiles, sources, step

OTHER_IMAGE = "ami-0000000000000d131"
COMPUTES = ("compute01", "compute02")
TYPE = {"aws_instance_type_compute": "t3.xlarge"}
IMAGE = {"aws_image": OTHER_IMAGE}
NETWORKS = {"aws_allowed_cidrs": ["198.51.100.0/24"]}
REPLACE = {"aws_replace_changed": True}


@pytest.fixture(scope="module")
def stack(running_cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Setup:
    running_cloud.reset()
    state = tmp_path_factory.mktemp("changes")
    variables = {**profiles(state), "AWS_SESSION_TOKEN": "left-over"}
    return Setup(running_cloud, state, settings={"aws_profile": PROFILE}, variables=variables)


@pytest.fixture(scope="module")
def first(stack: Setup) -> Step:
    return step(stack, 2)


@pytest.fixture(scope="module")
def not_asked_for(stack: Setup, first: Step) -> Step:
    assert first
    return step(stack, 2, **TYPE)


@pytest.fixture(scope="module")
def other_type(stack: Setup, not_asked_for: Step) -> Step:
    assert not_asked_for
    return step(stack, 2, **TYPE, **REPLACE)


@pytest.fixture(scope="module")
def other_image(stack: Setup, other_type: Step) -> Step:
    assert other_type
    return step(stack, 2, **TYPE, **IMAGE, **REPLACE)


@dataclass(frozen=True)
class Repaired:
    """A run after somebody has stopped an instance, with other networks let in. sources: those networks."""

    step: Step
    sources: set[str]


@pytest.fixture(scope="module")
def repaired(stack: Setup, other_image: Step) -> Repaired:
    stack.cloud.ask("stop_instances", InstanceIds=[other_image.identities["controller"]])
    done = step(stack, 2, **TYPE, **NETWORKS, **REPLACE)
    return Repaired(done, sources(stack.cloud, done.instances["controller"]))


@pytest.fixture(scope="module")
def settled(stack: Setup, repaired: Repaired) -> Step:
    assert repaired
    return step(stack, 2, **TYPE, **IMAGE, **NETWORKS, **REPLACE)


def test_another_type_waits_for_the_flag(not_asked_for: Step) -> None:
    assert not_asked_for.changed == 0
    assert not_asked_for.changes == []
    assert {item["InstanceType"] for item in not_asked_for.instances.values()} == {"t3.large"}


def test_another_type_is_given_to_one_instance_at_a_time(first: Step, other_type: Step) -> None:
    types = {"controller": "t3.large", **dict.fromkeys(COMPUTES, "t3.xlarge")}
    assert other_type.changed > 0
    assert {name: item["InstanceType"] for name, item in other_type.instances.items()} == types
    assert other_type.identities == first.identities
    states = [
        (call["action"], call["parameters"]["InstanceId.1"])
        for call in other_type.changes
        if call["action"] in ("StopInstances", "StartInstances")
    ]
    assert [action for action, _ in states] == ["StopInstances", "StartInstances"] * 2
    assert [states[0][1], states[2][1]] == [states[1][1], states[3][1]]
    assert {identity for _, identity in states} == {first.identities[name] for name in COMPUTES}


def test_another_image_makes_computes_again_one_at_a_time(other_type: Step, other_image: Step) -> None:
    assert other_image.changed > 0
    assert other_image.identities["controller"] == other_type.identities["controller"], "it has the databases"
    assert {other_image.instances[name]["ImageId"] for name in COMPUTES} == {OTHER_IMAGE}
    assert [other_image.addresses[name] for name in COMPUTES] == ["192.168.99.11", "192.168.99.12"]
    steps = [action for action in other_image.actions if action in ("TerminateInstances", "RunInstances")]
    assert steps == ["TerminateInstances", "RunInstances"] * 2


def test_a_newer_image_of_debians_replaces_nothing(other_image: Step, repaired: Repaired) -> None:
    """Without aws_image the newest of Debian's is meant, which the computes' is not."""
    assert repaired.step.identities == other_image.identities
    assert {repaired.step.instances[name]["ImageId"] for name in COMPUTES} == {OTHER_IMAGE}
    assert not {"TerminateInstances", "RunInstances", "StopInstances"} & set(repaired.step.actions)


def test_an_instance_that_has_stopped_is_started(other_image: Step, repaired: Repaired) -> None:
    started = [call for call in repaired.step.changes if call["action"] == "StartInstances"]
    assert [call["parameters"]["InstanceId.1"] for call in started] == [other_image.identities["controller"]]
    assert repaired.step.instances["controller"]["State"]["Name"] == "running"


def test_other_networks_are_let_in_instead(repaired: Repaired) -> None:
    assert repaired.sources == {"198.51.100.0/24", "192.168.99.0/24", "10.0.0.0/8"}


def test_what_has_been_changed_is_not_changed_again(repaired: Repaired, settled: Step) -> None:
    assert settled.changed == 0
    assert settled.changes == []
    assert settled.identities == repaired.step.identities


def test_a_profile_that_is_named_comes_before_keys_of_the_environment(stack: Setup, settled: Step) -> None:
    assert settled
    assert {call["key"] for call in stack.cloud.calls()} == {PROFILES_KEY}
