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
    changes = {call["action"] for call in cloud.changes()}
    assert changes - {"CreateTags"} == {*CHANGES, *REMOVALS}


def test_runs_that_are_killed_at_every_change_are_completed(stack: Setup, cloud: Cloud) -> None:
    for action in CHANGES:
        interrupt(stack, cloud, action, "provision")
    stack.provision(1, aws_routes=True)
    assert sorted(cloud.instances()) == ["compute01", "controller"]
    assert len(cloud.ask("describe_internet_gateways")["InternetGateways"]) == 1
    assert len(cloud.ask("describe_key_pairs")["KeyPairs"]) == 1
    ours = [tags(vpc) for vpc in cloud.ask("describe_vpcs")["Vpcs"] if not vpc["IsDefault"]]
    assert [found["romana:stack"] for found in ours] == ["demo"]
    assert stack.provision(1, aws_routes=True) == 0


def test_removals_that_are_killed_at_every_change_are_completed(stack: Setup, cloud: Cloud) -> None:
    stack.provision(1, aws_routes=True)
    for action in REMOVALS:
        interrupt(stack, cloud, action, "uninstall", "--yes")
    stack.run("uninstall", "--yes")
    assert cloud.leftovers() == {}


@pytest.mark.parametrize("action", ["CreateVpc", "CreateInternetGateway", "RunInstances"])
def test_what_a_killed_run_has_made_can_be_removed(stack: Setup, cloud: Cloud, action: str) -> None:
    interrupt(stack, cloud, action, "provision")
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
