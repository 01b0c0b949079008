"""What AWS refuses is said, with an exit code, and leaves nothing that the next run cannot go on from."""

from __future__ import annotations

from aws_setup import Cloud, Setup

PATIENCE = ("--", "-e", "aws_instances_patience=5")  # seconds that EC2 gets to take an order
TRIES = {"CreateVpc": 1, "RunInstances": 1}  # how often the checks before ask whether they may, without doing it
REFUSALS = [  # each later than the one before
    ("CreateVpc", "VpcLimitExceeded", "The maximum number of VPCs has been reached."),
    ("CreateSubnet", "UnauthorizedOperation", "You are not authorized to perform this operation."),
    ("RunInstances", "VcpuLimitExceeded", "You have requested more vCPU capacity than your current limit of 1 allows."),
    ("RunInstances", "InvalidIPAddress.InUse", "Address 192.168.99.10 is in use."),
]


def test_each_refusal_is_said_and_the_next_run_goes_on(stack: Setup, cloud: Cloud) -> None:
    for action, code, message in REFUSALS:
        cloud.rules({"action": action, "code": code, "message": message, "skip": TRIES.get(action, 0)})
        output = stack.run("provision", *PATIENCE, code=1, devstack_compute_node=0)
        assert message in output
        assert "resume" in output
    cloud.rules()
    stack.provision(0)
    assert list(cloud.instances()) == ["controller"]
    stack.run("uninstall", "--yes")
    assert cloud.leftovers() == {}


def test_capacity_is_not_waited_for_for_minutes(stack: Setup, cloud: Cloud) -> None:
    capacity = {
        "code": "InsufficientInstanceCapacity",
        "message": "Insufficient capacity.",
        "skip": TRIES["RunInstances"],
    }
    cloud.rules({"action": "RunInstances", **capacity})
    output = stack.run("provision", *PATIENCE, code=1, devstack_compute_node=1)
    assert "controller: EC2 has not made an instance of type t3.large within 5 s" in output
    assert "choose another instance type or zone" in output
    assert cloud.instances() == {}
    cloud.rules()
    stack.provision(1)
    assert sorted(cloud.instances()) == ["compute01", "controller"]


def test_throttling_is_waited_out(stack: Setup, cloud: Cloud) -> None:
    throttle = {"code": "RequestLimitExceeded", "message": "Request limit exceeded.", "times": 2}
    cloud.rules({"action": "RunInstances", **throttle}, {"action": "DescribeVpcs", **throttle})
    stack.provision(1)
    assert sorted(cloud.instances()) == ["compute01", "controller"]
