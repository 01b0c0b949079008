"""Floating IPs of nodes: their elastic IPs from the first to the last, as AWS sees it.

One stack lives through all of it; each step is a fixture that comes after another. No machine boots here, after which
an installation assigns addresses: so that is asked for right away.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from aws_setup import Cloud, Setup, interrupt, tags
from iam import refusals
from service_model import models, problems

pytestmark = pytest.mark.long("it provisions a dozen times")
OWN, FLOATING = ("192.168.99.10", "192.168.99.11"), ("192.168.99.254", "192.168.99.246")
SECOND = "192.168.99.253"  # of the controller
ASSIGN = ("--", "-e", "aws_elastic_ips_assign=true")
USED = {
    "AllocateAddress",
    "AssignPrivateIpAddresses",
    "AssociateAddress",
    "DisassociateAddress",
    "ReleaseAddress",
    "UnassignPrivateIpAddresses",
}


@dataclass(frozen=True)
class Seen:
    """What there is after a run.

    elastic: elastic IP by address; leads: the addresses that have theirs; cards: those of each node's interface;
    public: the public address of each node; noted: as `elastic`, in the stack's notes; changed, changes: by the run.
    """

    elastic: dict[str, str]
    leads: set[str]
    cards: dict[str, list[str]]
    public: dict[str, str | None]
    noted: dict[str, str]
    changed: int
    changes: list[str]


def seen(stack: Setup, *words: str, computes: int = 1, **settings: Any) -> Seen:
    """Have the machines, and look."""
    cloud, begun = stack.cloud, len(stack.cloud.changes())
    changed = stack.provision(computes, *words, aws_routes=True, **settings)
    changes = [call["action"] for call in cloud.changes()[begun:]]
    found = cloud.ask("describe_addresses")["Addresses"]
    instances = cloud.instances()
    return Seen(
        {tags(item)["romana:address"]: item["PublicIp"] for item in found},
        {item["PrivateIpAddress"] for item in found if "AssociationId" in item},
        {
            name: [one["PrivateIpAddress"] for one in item["NetworkInterfaces"][0]["PrivateIpAddresses"]]
            for name, item in instances.items()
        },
        {name: item.get("PublicIpAddress") for name, item in instances.items()},
        json.loads((stack.directory / "elastic_ips.json").read_text()),
        changed,
        changes,
    )


@pytest.fixture(scope="module")
def stack(running_cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Setup:
    running_cloud.reset()
    settings = {"openstack_engine": "packages", "aws_floating_ips": 1, "aws_floating_ports": [443]}
    return Setup(running_cloud, tmp_path_factory.mktemp("floating"), settings=settings)


@pytest.fixture(scope="module")
def killed(stack: Setup) -> dict[str, list[str]]:
    """What there is after a run that made nothing, and what after one that was killed at the first elastic IP."""
    stack.run("provision", "--", "--check", devstack_compute_node=1, aws_routes=True)
    tried = stack.cloud.leftovers()
    interrupt(stack, "AllocateAddress", "provision")
    return {"tried": list(tried), "begun": stack.cloud.leftovers()["elastic IPs"]}


@pytest.fixture(scope="module")
def made(stack: Setup, killed: dict[str, list[str]]) -> Seen:
    assert killed
    return seen(stack)


@pytest.fixture(scope="module")
def assigned(stack: Setup, made: Seen) -> Seen:
    """Also after a run that was killed on the way."""
    assert made
    interrupt(stack, "AssociateAddress", "provision", *ASSIGN)
    return seen(stack, *ASSIGN)


@pytest.fixture(scope="module")
def again(stack: Setup, assigned: Seen) -> list[Seen]:
    """As an installation does it: first without, then with assigning."""
    assert assigned
    return [seen(stack), seen(stack, *ASSIGN)]


@pytest.fixture(scope="module")
def restarted(stack: Setup, again: list[Seen]) -> Seen:
    assert again
    stack.cloud.ask("stop_instances", InstanceIds=[stack.cloud.instances()["controller"]["InstanceId"]])
    return seen(stack)


@pytest.fixture(scope="module")
def fewer(stack: Setup, restarted: Seen) -> Seen:
    assert restarted
    return seen(stack, computes=0)


@pytest.fixture(scope="module")
def two_each(stack: Setup, fewer: Seen) -> Seen:
    assert fewer
    return seen(stack, *ASSIGN, computes=0, aws_floating_ips=2)


@pytest.fixture(scope="module")
def none(stack: Setup, two_each: Seen) -> Seen:
    """After a run that was killed when an address had lost its elastic IP."""
    assert two_each
    interrupt(stack, "DisassociateAddress", "provision")  # of the second one
    return seen(stack, computes=0, aws_floating_ips=0)


@pytest.fixture(scope="module")
def removed(stack: Setup, none: Seen) -> dict[str, list[str]]:
    """What there is after an uninstallation, the first of which was killed at an elastic IP."""
    assert none
    seen(stack, *ASSIGN)
    interrupt(stack, "ReleaseAddress", "uninstall", "--yes")
    stack.run("uninstall", "--yes")
    return stack.cloud.leftovers()


def test_check_mode_makes_nothing_and_a_killed_run_is_found_again(killed: dict[str, list[str]], made: Seen) -> None:
    assert killed["tried"] == []
    (begun,) = killed["begun"]
    assert begun in made.elastic.values()


def test_each_address_has_an_elastic_ip_and_nodes_their_own_at_once(made: Seen) -> None:
    assert set(made.elastic) == {*OWN, *FLOATING}
    assert made.leads == set(OWN)
    assert list(made.public.values()) == [made.elastic[OWN[1 if name == "compute01" else 0]] for name in made.public]
    assert made.cards == {"controller": [OWN[0]], "compute01": [OWN[1]]}


def test_addresses_are_assigned_and_lead_where_they_should(made: Seen, assigned: Seen) -> None:
    assert assigned.elastic == made.elastic
    assert assigned.leads == {*OWN, *FLOATING}
    assert assigned.cards == {"controller": [OWN[0], FLOATING[0]], "compute01": [OWN[1], FLOATING[1]]}
    assert assigned.public == made.public


def test_what_is_there_is_not_made_again(again: list[Seen]) -> None:
    assert [(one.changed, one.changes) for one in again] == [(0, []), (0, [])]


def test_a_node_that_was_stopped_is_reached_where_it_was(assigned: Seen, restarted: Seen) -> None:
    """Without an elastic IP of its own it would have no public address any more."""
    assert restarted.changes == ["StartInstances"]
    assert restarted.public == assigned.public
    assert restarted.leads == assigned.leads


def test_those_of_a_node_that_leaves_are_released(assigned: Seen, fewer: Seen) -> None:
    assert fewer.elastic == {one: assigned.elastic[one] for one in (OWN[0], FLOATING[0])}
    assert fewer.leads == {OWN[0], FLOATING[0]}


def test_more_of_each_node_leave_those_that_are_there_alone(fewer: Seen, two_each: Seen) -> None:
    assert set(two_each.elastic) == {OWN[0], FLOATING[0], SECOND}
    assert fewer.elastic.items() <= two_each.elastic.items()
    assert two_each.cards == {"controller": [OWN[0], FLOATING[0], SECOND]}


def test_without_floating_ips_nothing_of_them_is_left(fewer: Seen, none: Seen) -> None:
    assert none.elastic == {}
    assert none.cards == {"controller": [OWN[0]]}
    assert none.public["controller"] not in (None, fewer.elastic[OWN[0]])


def test_notes_say_which_is_which(assigned: Seen, none: Seen) -> None:
    assert (assigned.noted, none.noted) == (assigned.elastic, {})


def test_calls_are_allowed_and_are_what_the_service_model_has(stack: Setup, removed: dict[str, list[str]]) -> None:
    assert removed == {}
    calls = [call for call in stack.cloud.calls() if call["service"] == "ec2"]
    assert USED | {"DescribeAddresses"} <= {call["action"] for call in calls}
    assert [problem for call in calls for problem in problems(models()["ec2"], call)] == []
    permitted = json.loads(stack.run("plan", "--iam-policy"))
    assert refusals([permitted], calls) == []
    of_others = [{**call, "tags": {name: {} for name in call["tags"]}} for call in calls]
    releases = [call for call in of_others if call["action"] == "ReleaseAddress"]
    assert releases
    assert all(refusals([permitted], [call]) for call in releases)


def test_ports_are_opened_to_those_who_use_the_stack(stack: Setup, removed: dict[str, list[str]]) -> None:
    assert removed == {}
    rules = [call["parameters"] for call in stack.cloud.calls() if call["action"] == "AuthorizeSecurityGroupIngress"]
    opened = {value for call in rules for key, value in call.items() if key.endswith("FromPort")}
    assert {"22", "443", "9600"} <= opened
