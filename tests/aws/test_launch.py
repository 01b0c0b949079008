"""What others do to a stack's things: EC2, that ends an instance right after its order; who tags what there is."""

from __future__ import annotations

import pytest
from aws_setup import REGION, Setup, tags

ASKED = 1  # how often the checks before ask whether they may launch


@pytest.mark.parametrize(
    ("code", "message", "advice"),
    [
        (
            "Client.InternalError",
            "Client.InternalError: Client error on launch",
            "the key that encrypts volumes may not be used",
        ),
        ("Server.Mystery", "Server.Mystery: It is gone", "do what that asks for, and run again"),
    ],
)
def test_an_instance_that_ends_at_its_start_is_said_with_the_reason(
    stack: Setup, code: str, message: str, advice: str
) -> None:
    stack.cloud.rules({"action": "RunInstances", "skip": ASKED + 1, "end": {"code": code, "message": message}})
    output = stack.run("provision", code=1, devstack_compute_node=1)
    assert f"EC2 has ended compute01 right after the start: {message}" in output
    assert advice in output
    stack.cloud.rules()
    stack.provision(1)
    assert sorted(stack.cloud.instances()) == ["compute01", "controller"]


def test_tags_of_others_and_the_groups_of_the_vpc_stay(stack: Setup) -> None:
    stack.provision(0)
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
    assert stack.provision(0) == 0
    assert {found.get("cost-center") for found in things().values()} == {"42"}
    groups = cloud.ask("describe_security_groups", Filters=inside)["SecurityGroups"]
    (default,) = (group for group in groups if group["GroupName"] == "default")
    assert not any(source for rule in default["IpPermissions"] for source in rule["IpRanges"])


def test_a_stack_that_names_no_zone_is_in_one_that_has_its_types(stack: Setup) -> None:
    only_there = "x8aedz.large"  # as EC2 offers it
    stack.provision(1, aws_instance_type_compute=only_there)
    assert {item["Placement"]["AvailabilityZone"] for item in stack.cloud.instances().values()} == {f"{REGION}c"}
    assert stack.provision(1, aws_instance_type_compute=only_there) == 0


def test_types_that_no_zone_has_together_are_found(stack: Setup) -> None:
    types = {"aws_instance_type_controller": "hpc7a.12xlarge", "aws_instance_type_compute": "x8aedz.large"}
    said = stack.run("check", code=3, devstack_compute_node=1, **types)
    assert f"instance types: no zone of {REGION} offers all of them" in said
    assert f"x8aedz.large: {REGION}c" in said
