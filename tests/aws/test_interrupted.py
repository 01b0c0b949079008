"""romana-setup killed while AWS carries out what it asked for: running it again completes, with nothing there twice."""

from __future__ import annotations

import pytest
from aws_setup import Cloud, Setup, eventually, kill, tags

# Everything an installation with routes changes, in its order.
CHANGES = [
    "CreateVpc",
    "ModifyVpcAttribute",
    "CreateInternetGateway",
    "AttachInternetGateway",
    "CreateSubnet",
    "RevokeSecurityGroupIngress",
    "AuthorizeSecurityGroupIngress",
    "ImportKeyPair",
    "RunInstances",
    "ModifyInstanceAttribute",
    "CreateRoute",
]
REMOVALS = [
    "TerminateInstances",
    "DeleteKeyPair",
    "DeleteSubnet",
    "DetachInternetGateway",
    "DeleteInternetGateway",
    "DeleteVpc",
]


def test_these_are_all_changes(stack: Setup, cloud: Cloud) -> None:
    stack.provision(1, aws_routes=True)
    stack.run("uninstall", "--yes")
    asked = [call["action"] for call in cloud.calls() if call["parameters"].get("DryRun") != "true"]
    changes = {action for action in asked if not action.startswith(("Describe", "Get"))}
    assert changes - {"CreateTags"} == {*CHANGES, *REMOVALS}


@pytest.mark.parametrize("action", CHANGES)
def test_a_killed_run_is_completed_by_the_next(stack: Setup, cloud: Cloud, action: str) -> None:
    interrupt(stack, cloud, action, "provision")
    assert stack.provision(1, aws_routes=True) >= 0
    assert sorted(cloud.instances()) == ["compute01", "controller"]
    assert len(cloud.ask("describe_internet_gateways")["InternetGateways"]) == 1
    assert [tags(vpc).get("romana:stack") for vpc in cloud.ask("describe_vpcs")["Vpcs"] if not vpc["IsDefault"]] == [
        "demo"
    ]
    assert stack.provision(1, aws_routes=True) == 0
    stack.run("uninstall", "--yes")
    assert cloud.leftovers() == {}


@pytest.mark.parametrize("action", CHANGES[:9])
def test_a_killed_run_can_be_uninstalled(stack: Setup, cloud: Cloud, action: str) -> None:
    interrupt(stack, cloud, action, "provision")
    stack.run("uninstall", "--yes")
    assert cloud.leftovers() == {}


@pytest.mark.parametrize("action", REMOVALS)
def test_a_killed_uninstall_is_completed_by_the_next(stack: Setup, cloud: Cloud, action: str) -> None:
    stack.provision(1)
    interrupt(stack, cloud, action, "uninstall", "--yes")
    stack.run("uninstall", "--yes")
    assert cloud.leftovers() == {}


def interrupt(stack: Setup, cloud: Cloud, change: str, action: str, *words: str) -> None:
    """Kill romana-setup once AWS has made a change and before it is told so."""
    cloud.rules({"action": change, "times": 1, "stop": True})
    process = stack.start(action, *words, devstack_compute_node=1, aws_routes=True)
    try:
        eventually(lambda: cloud.stopped() or process.poll() is not None, f"{change} is asked for")
        assert process.poll() is None, process.stdout.read() if process.stdout else ""
    finally:
        kill(process)
        cloud.rules()
