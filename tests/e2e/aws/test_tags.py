"""Tags that the configuration names: on everything that is made, changed and taken away with the configuration.

One stack lives through all of it; each step is a fixture that comes after another.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from aws_setup import KINDS, Cloud, Setup, Step, everything, step, tags

FIRST = {"cost-center": "41", "team": "cloud", "Data Class": "öffentlich"}
THEN = {"cost-center": "42", "owner": "me", "Data Class": "öffentlich"}


@pytest.fixture(scope="module")
def stack(running_cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Setup:
    running_cloud.reset()
    settings = {"openstack_engine": "packages", "aws_floating_ips": 1}
    return Setup(running_cloud, tmp_path_factory.mktemp("tags"), settings=settings)


@dataclass(frozen=True)
class Tagged:
    """A run, and the tags of everything after it by kind and id."""

    step: Step
    things: dict[tuple[str, str], dict[str, str]]


def tagged(stack: Setup, wanted: dict[str, str]) -> Tagged:
    done = step(stack, 0, aws_tags=wanted)
    return Tagged(done, {place: tags(item) for place, item in everything(stack.cloud).items()})


@pytest.fixture(scope="module")
def first(stack: Setup) -> Tagged:
    return tagged(stack, FIRST)


@pytest.fixture(scope="module")
def others(stack: Setup, first: Tagged) -> Tagged:
    """Somebody else tags everything, one instance with the very key that is ours."""
    resources = [name for _, name in first.things]
    stack.cloud.ask("create_tags", Resources=resources, Tags=[{"Key": "billing:unit", "Value": "7"}])
    controller = first.step.identities["controller"]
    stack.cloud.ask("create_tags", Resources=[controller], Tags=[{"Key": "team", "Value": "theirs"}])
    return first


def rows(stack: Setup, **settings: Any) -> dict[str, tuple[str, str]]:
    planned = json.loads(stack.run("plan", "--format", "json", **settings))["resources"]
    return {item["name"]: (item["change"], item["detail"]) for item in planned if item["kind"] == "tag"}


@pytest.fixture(scope="module")
def planned(stack: Setup, others: Tagged) -> dict[str, tuple[str, str]]:
    assert others
    return rows(stack, aws_tags=THEN)


@pytest.fixture(scope="module")
def changed(stack: Setup, planned: dict[str, tuple[str, str]]) -> Tagged:
    assert planned
    return tagged(stack, THEN)


@pytest.fixture(scope="module")
def settled(stack: Setup, changed: Tagged) -> Tagged:
    assert changed
    return tagged(stack, THEN)


def test_everything_that_is_made_has_them(first: Tagged) -> None:
    assert {kind for kind, _ in first.things} == set(KINDS)
    lacking = {place: has for place, has in first.things.items() if not FIRST.items() <= has.items()}
    assert lacking == {}
    assert {has["romana:stack"] for has in first.things.values()} == {"demo"}


def test_what_can_be_is_made_with_them(stack: Setup, first: Tagged) -> None:
    """An organization may refuse what is tagged only afterwards."""
    assert first
    made = [call for call in stack.cloud.changes() if call["action"].startswith(("Alloc", "Create", "Import", "Run"))]
    kinds = {call["action"]: call["parameters"] for call in made if call["action"] not in ("CreateTags", "CreateRoute")}
    assert sorted(kinds) == [
        "AllocateAddress",
        "CreateInternetGateway",
        "CreateSecurityGroup",
        "CreateSubnet",
        "CreateVpc",
        "ImportKeyPair",
        "RunInstances",
    ]
    assert [action for action, parameters in kinds.items() if "cost-center" not in parameters.values()] == []
    later = [call["tags"] for call in first.step.changes if call["action"] == "CreateTags"]
    assert {name.partition("-")[0] for named in later for name in named} == {"rtb", "sg", "acl"}


def test_dry_runs_ask_with_them(stack: Setup, first: Tagged) -> None:
    assert first
    dry = [call for call in stack.cloud.calls() if call["parameters"].get("DryRun") == "true"]
    assert {call["action"] for call in dry} == {
        "AllocateAddress",
        "CreateVpc",
        "CreateInternetGateway",
        "ImportKeyPair",
        "RunInstances",
    }
    assert [call["action"] for call in dry if "cost-center" not in call["parameters"].values()] == []


def test_plan_shows_what_becomes_of_each(planned: dict[str, tuple[str, str]], first: Tagged) -> None:
    count = len(first.things)
    assert planned == {
        "cost-center": ("change", f"41 -> 42, on {count} of {count} that are there"),
        "owner": ("add", f"me, on {count} of {count} that are there"),
        "Data Class": ("keep", "öffentlich"),
        "team": ("remove", f"cloud, from {count - 1} of {count} that are there"),
    }


def test_a_change_reaches_what_is_there(changed: Tagged, first: Tagged) -> None:
    assert changed.step.changed > 0
    assert changed.step.identities == first.step.identities
    assert [has for has in changed.things.values() if not THEN.items() <= has.items()] == []


def test_tags_of_others_stay(changed: Tagged) -> None:
    assert {has.get("billing:unit") for has in changed.things.values()} == {"7"}
    assert {has["team"] for has in changed.things.values() if "team" in has} == {"theirs"}


def test_what_has_been_changed_is_not_changed_again(stack: Setup, settled: Tagged) -> None:
    assert settled.step.changed == 0
    assert settled.step.changes == []
    assert {change for change, _ in rows(stack, aws_tags=THEN).values()} == {"keep"}
