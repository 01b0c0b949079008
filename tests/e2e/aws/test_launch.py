"""What others do to a stack's things: EC2, that ends an instance right after its order; who tags what there is.

One stack lives through all of it, which names no zone; each step is a fixture that comes after another.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from aws_setup import REGION, Cloud, Setup, Step, step, tags

ASKED = 1  # how often the checks before ask whether they may launch
ONLY_THERE = "x8aedz.large"  # as EC2 offers it, in one zone
ENDS = [  # code and message of EC2's reason, and what is advised
    (
        "Client.InternalError",
        "Client.InternalError: Client error on launch",
        "the key that encrypts volumes may not be used",
    ),
    ("Server.Mystery", "Server.Mystery: It is gone", "do what that asks for, and run again"),
]


@pytest.fixture(scope="module")
def stack(running_cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Setup:
    running_cloud.reset()
    return Setup(running_cloud, tmp_path_factory.mktemp("launch"), settings={"aws_instance_type_compute": ONLY_THERE})


@pytest.fixture(scope="module")
def ended(stack: Setup) -> dict[str, str]:
    """What is said when EC2 ends compute01 right after its order, by the reason's code."""
    said, launched = {}, 1  # the controller
    for code, message, _ in ENDS:
        rule = {"action": "RunInstances", "skip": ASKED + launched, "end": {"code": code, "message": message}}
        stack.cloud.rules(rule)
        said[code] = stack.run("provision", code=1, devstack_compute_node=1)
        launched = 0
    stack.cloud.rules()
    return said


@pytest.fixture(scope="module")
def made(stack: Setup, ended: dict[str, str]) -> Step:
    assert ended
    return step(stack, 1)


@pytest.mark.parametrize(("code", "message", "advice"), ENDS)
def test_an_instance_that_ends_at_its_start_is_said_with_the_reason(
    ended: dict[str, str], code: str, message: str, advice: str
) -> None:
    assert f"EC2 has ended compute01 right after the start: {message}" in ended[code]
    assert advice in ended[code]


def test_an_instance_that_has_ended_is_made_again(made: Step) -> None:
    assert sorted(made.instances) == ["compute01", "controller"]


def test_a_stack_that_names_no_zone_is_in_one_that_has_its_types(made: Step) -> None:
    assert {item["Placement"]["AvailabilityZone"] for item in made.instances.values()} == {f"{REGION}c"}


def test_tags_of_others_and_the_groups_of_the_vpc_stay(stack: Setup, made: Step) -> None:
    cloud = stack.cloud
    (vpc,) = (item["VpcId"] for item in cloud.ask("describe_vpcs")["Vpcs"] if not item["IsDefault"])
    inside = [{"Name": "vpc-id", "Values": [vpc]}]

    def things() -> dict[str, dict[str, str]]:
        listed = {
            "VpcId": cloud.ask("describe_vpcs", VpcIds=[vpc])["Vpcs"],
            "SubnetId": cloud.ask("describe_subnets", Filters=inside)["Subnets"],
            "GroupId": cloud.ask("describe_security_groups", Filters=inside)["SecurityGroups"],
            "InternetGatewayId": cloud.ask("describe_internet_gateways")["InternetGateways"],
            "KeyPairId": cloud.ask("describe_key_pairs")["KeyPairs"],
            "InstanceId": cloud.instances().values(),
        }
        return {item[key]: tags(item) for key, items in listed.items() for item in items}

    cloud.ask("create_tags", Resources=list(things()), Tags=[{"Key": "cost-center", "Value": "42"}])
    again = step(stack, 1)
    assert again.changed == 0
    assert again.identities == made.identities
    assert {found.get("cost-center") for found in things().values()} == {"42"}
    groups = cloud.ask("describe_security_groups", Filters=inside)["SecurityGroups"]
    (default,) = (group for group in groups if group["GroupName"] == "default")
    assert not any(source for rule in default["IpPermissions"] for source in rule["IpRanges"])


def test_types_that_no_zone_has_together_are_found(cloud: Cloud, tmp_path: Path) -> None:
    types = {"aws_instance_type_controller": "hpc7a.12xlarge", "aws_instance_type_compute": ONLY_THERE}
    said = Setup(cloud, tmp_path).run("check", code=3, devstack_compute_node=1, **types)
    assert f"instance types: no zone of {REGION} offers all of them" in said
    assert f"{ONLY_THERE}: {REGION}c" in said
