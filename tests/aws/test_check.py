"""Whatever is wrong is said at once, each in a sentence with its fix; and looking makes nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_setup import REGION, Cloud, Setup


def findings(stack: Setup, **settings: Any) -> dict[str, str]:
    """What check finds, which may not be nothing."""
    answer = json.loads(stack.run("check", "--format", "json", code=3, **settings))
    assert answer["ok"] is False
    assert all("\n" not in item["text"] for item in answer["findings"])
    return {item["where"]: item["text"] for item in answer["findings"]}


def test_an_account_that_is_ready(stack: Setup, cloud: Cloud) -> None:
    assert stack.run("check") == "this machine is ready, and so is AWS\n"
    assert cloud.leftovers() == {}


@pytest.mark.parametrize(
    ("environment", "where", "text"),
    [
        (
            {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
            "credentials",
            "there are none for AWS; run: aws conf",
        ),
        ({"AWS_SECRET_ACCESS_KEY": ""}, "credentials", "Partial credentials found in env"),
        ({"AWS_PROFILE": "nobody"}, "aws_profile", "The config profile (nobody) could not be found; name one"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "AWS", "does not answer (Could not connect to the endpoint URL"),
    ],
)
def test_no_way_in(stack: Setup, environment: dict[str, str], where: str, text: str) -> None:
    stack.variables.update(environment)
    assert findings(stack)[where].startswith(text)
    assert stack.run("provision", code=3).startswith(f"romana-setup: {where}: {text}")
    assert not stack.directory.exists()


@pytest.mark.parametrize(
    ("code", "where", "text"),
    [
        ("AuthFailure", "credentials", "AWS does not accept them (AuthFailure"),
        ("RequestExpired", "credentials", "have expired"),
        ("OptInRequired", "region", "is not enabled for this account"),
        ("UnauthorizedOperation", "permission ec2:DescribeAvailabilityZones", "is missing; give the user or role"),
    ],
)
def test_an_account_that_is_refused(stack: Setup, cloud: Cloud, code: str, where: str, text: str) -> None:
    cloud.rules({"action": "DescribeAvailabilityZones", "code": code, "message": "No."})
    found = findings(stack)
    assert list(found) == [where]
    assert found[where].startswith(text)


@pytest.mark.parametrize("action", ["CreateVpc", "CreateInternetGateway", "ImportKeyPair", "RunInstances"])
def test_a_permission_that_is_missing(stack: Setup, cloud: Cloud, action: str) -> None:
    cloud.rules({"action": action, "code": "UnauthorizedOperation", "message": "No."})
    found = findings(stack)
    assert list(found) == [f"permission ec2:{action}"]
    assert "plan --iam-policy" in found[f"permission ec2:{action}"]


def test_throttling_is_waited_for_and_then_said(stack: Setup, cloud: Cloud) -> None:
    throttled = {"action": "DescribeImages", "code": "RequestLimitExceeded", "message": "Request limit exceeded."}
    cloud.rules({**throttled, "times": 2})
    stack.run("check")
    cloud.rules(throttled)
    assert findings(stack)["AWS"].startswith("looking for the image: too many requests from this account")


def test_a_region_that_does_not_exist(stack: Setup) -> None:
    assert findings(stack, region="eu-wset-1") == {
        "region": "AWS has none that is called 'eu-wset-1' (did you mean eu-west-1?)"
    }


def test_no_region(stack: Setup) -> None:
    assert findings(stack, region="")["region"].startswith("there is none; give one with -e region=eu-west-1")


def test_everything_that_is_wrong_is_said_at_once(stack: Setup, cloud: Cloud) -> None:
    cloud.ask("create_key_pair", KeyName="minne")
    found = findings(
        stack,
        aws_key_name="mine",
        aws_instance_type_controller="m9.gigantic",
        aws_instance_type_compute="m9.tiny",
        aws_image="ami-0000000000000bad2",
        aws_availability_zones=["eu-west-1z"],
    )
    assert found["aws_key_name"].startswith(f"there is no key pair 'mine' in {REGION} (did you mean minne?); import")
    assert found["aws_instance_type_controller"].startswith(f"m9.gigantic is not offered in {REGION}; choose another")
    assert found["aws_instance_type_compute"].startswith(f"m9.tiny is not offered in {REGION}")
    assert found["aws_image"].startswith(f"there is no ami-0000000000000bad2 in {REGION}")
    assert found["aws_availability_zones"].startswith(f"eu-west-1z is not a zone of {REGION}; it has: eu-west-1a")


def test_an_image_for_another_processor(stack: Setup) -> None:
    assert "processors of arm64" in findings(stack, aws_instance_type_compute="t4g.large")["aws_instance_type_compute"]


def test_a_type_with_too_little_memory(stack: Setup) -> None:
    found = findings(stack, openstack_engine="packages", aws_instance_type_controller="t3.micro")
    assert found["aws_instance_type_controller"].startswith(
        "t3.micro has 1 GiB of memory, a node with engine packages takes 4.5 GiB; choose a larger one"
    )


def test_more_vpcs_than_the_account_may_have(stack: Setup, cloud: Cloud) -> None:
    there = len(cloud.ask("describe_vpcs")["Vpcs"])
    for number in range(5 - there):
        cloud.ask("create_vpc", CidrBlock=f"10.{number}.0.0/16")
    assert findings(stack)["quota"].startswith(f"{REGION} has 5 VPCs, which is all it may have; remove one")


def test_more_routes_than_a_table_holds(stack: Setup) -> None:
    found = findings(stack, aws_routes=True, devstack_compute_node=48)
    assert found["aws_routes"].startswith("is true and there are 49 hosts, but a VPC's route table holds 50 routes")


def test_a_dry_run_is_the_request_as_it_will_be(stack: Setup, cloud: Cloud) -> None:
    stack.run("check")
    (asked,) = (call["parameters"] for call in cloud.calls() if call["action"] == "RunInstances")
    expected = {
        "DryRun": "true",
        "MetadataOptions.HttpTokens": "required",
        "BlockDeviceMapping.1.Ebs.Encrypted": "true",
        "TagSpecification.1.ResourceType": "volume",
        "TagSpecification.2.ResourceType": "instance",
        "TagSpecification.2.Tag.1.Key": "romana:stack",
    }
    assert {key: asked.get(key) for key in expected} == expected
