"""Whatever is wrong is said at once, each in a sentence with its fix; and looking makes nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from aws_setup import REGION, Cloud, Setup

LONG = pytest.mark.long("it is one more answer of AWS's; what is said of each is in unit")


def findings(stack: Setup, **settings: Any) -> dict[str, str]:
    """What check finds, which may not be nothing."""
    answer = json.loads(stack.run("check", "--format", "json", code=3, **settings))
    assert answer["ok"] is False
    assert all("\n" not in item["text"] for item in answer["findings"])
    return {item["where"]: item["text"] for item in answer["findings"]}


@dataclass(frozen=True)
class Checked:
    """A check of an account that is ready: what it says, what it asks of AWS, and what there is afterwards."""

    said: str
    calls: list[dict[str, Any]]
    leftovers: dict[str, list[str]]


@pytest.fixture(scope="module")
def checked(running_cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Checked:
    running_cloud.reset()
    said = Setup(running_cloud, tmp_path_factory.mktemp("ready")).run("check")
    return Checked(said, running_cloud.calls(), running_cloud.leftovers())


def test_an_account_that_is_ready(checked: Checked) -> None:
    assert checked.said == "this machine is ready, and so is AWS\n"
    assert checked.leftovers == {}


def test_a_dry_run_is_the_request_as_it_will_be(checked: Checked) -> None:
    (asked,) = (call["parameters"] for call in checked.calls if call["action"] == "RunInstances")
    expected = {
        "DryRun": "true",
        "MetadataOptions.HttpTokens": "required",
        "BlockDeviceMapping.1.Ebs.Encrypted": "true",
        "TagSpecification.1.ResourceType": "instance",
        "TagSpecification.2.ResourceType": "volume",
        "TagSpecification.3.ResourceType": "network-interface",
        "TagSpecification.3.Tag.1.Key": "romana:stack",
    }
    assert {key: asked.get(key) for key in expected} == expected


def test_a_key_that_aws_manages_is_not_looked_at(checked: Checked) -> None:
    assert [call["action"] for call in checked.calls if call["service"] == "kms"] == []


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


def test_nothing_is_begun_without_a_way_in(stack: Setup) -> None:
    stack.variables.update({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""})
    assert stack.run("provision", code=3).startswith("romana-setup: credentials: there are none for AWS; run: aws conf")
    assert not stack.directory.exists()


@pytest.mark.parametrize(
    ("code", "where", "text"),
    [
        pytest.param("AuthFailure", "credentials", "AWS does not accept them (AuthFailure", marks=LONG),
        pytest.param("RequestExpired", "credentials", "have expired", marks=LONG),
        pytest.param("OptInRequired", "region", "is not enabled for this account", marks=LONG),
        ("UnauthorizedOperation", "permission ec2:DescribeAvailabilityZones", "is missing; give the user or role"),
    ],
)
def test_an_account_that_is_refused(stack: Setup, cloud: Cloud, code: str, where: str, text: str) -> None:
    cloud.rules({"action": "DescribeAvailabilityZones", "code": code, "message": "No."})
    found = findings(stack)
    assert list(found) == [where]
    assert found[where].startswith(text)


def test_permissions_that_are_missing(stack: Setup, cloud: Cloud) -> None:
    actions = ["CreateVpc", "CreateInternetGateway", "ImportKeyPair", "RunInstances"]
    cloud.rules(*({"action": action, "code": "UnauthorizedOperation", "message": "No."} for action in actions))
    found = findings(stack)
    assert list(found) == [f"permission ec2:{action}" for action in actions]
    assert all("plan --iam-policy" in text for text in found.values())


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


def test_types_that_will_not_do_and_more_routes_than_a_table_holds(stack: Setup) -> None:
    types = {"aws_instance_type_controller": "t3.micro", "aws_instance_type_compute": "t4g.large"}
    found = findings(stack, openstack_engine="packages", aws_routes=True, devstack_compute_node=48, **types)
    assert found["aws_instance_type_controller"].startswith(
        "t3.micro has 1 GiB of memory, a node with engine packages takes 4.5 GiB; choose a larger one"
    )
    assert "processors of arm64" in found["aws_instance_type_compute"]
    assert found["aws_routes"].startswith("is true and there are 49 hosts, but a VPC's route table holds 50 routes")


def test_more_addresses_than_an_interface_has(stack: Setup) -> None:
    types = {"aws_instance_type_controller": "t3.large", "aws_instance_type_compute": "t3.medium"}
    found = findings(stack, openstack_engine="packages", aws_floating_ips=6, **types)
    assert found["aws_floating_ips"].startswith(
        "is 6, and an interface of t3.medium (aws_instance_type_compute) has up to 5 addresses beside its own; lower it"
    )


def test_more_vpcs_than_the_account_may_have(stack: Setup, cloud: Cloud) -> None:
    there = len(cloud.ask("describe_vpcs")["Vpcs"])
    for number in range(5 - there):
        cloud.ask("create_vpc", CidrBlock=f"10.{number}.0.0/16")
    assert findings(stack)["quota"].startswith(f"{REGION} has 5 VPCs, which is all it may have; remove one")


def test_a_key_of_the_accounts_own_that_works(stack: Setup, cloud: Cloud) -> None:
    key = cloud.own_key()
    stack.run("check")
    assert [call["parameters"] for call in cloud.calls() if call["service"] == "kms"] == [{"KeyId": key}]


@pytest.mark.parametrize(
    ("ruin", "problem", "fix"),
    [
        ("disable_key", "is Disabled", "enable it with: aws kms enable-key --key-id KEY, or have the account take"),
        pytest.param(
            "schedule_key_deletion",
            "is PendingDeletion",
            "keep it with: aws kms cancel-key-deletion --key-id KEY && aws",
            marks=LONG,
        ),
    ],
)
def test_a_key_that_would_end_instances(stack: Setup, cloud: Cloud, ruin: str, problem: str, fix: str) -> None:
    key = cloud.own_key()
    cloud.ask(ruin, "kms", KeyId=key.rpartition("/")[2])
    found = findings(stack)
    assert list(found) == ["default key of volumes"]
    text = found["default key of volumes"].replace(key, "KEY")
    assert text.startswith(f"KEY {problem}, so EC2 would end every new instance right after its start; {fix}")


@pytest.mark.parametrize(
    ("code", "problem", "fix"),
    [
        ("NotFoundException", "does not exist", "name one that is there"),
        ("AccessDeniedException", "may not be used (kms:DescribeKey is refused)", "have the key's policy allow it"),
    ],
)
def test_a_key_that_cannot_be_seen(stack: Setup, cloud: Cloud, code: str, problem: str, fix: str) -> None:
    key = cloud.own_key()
    cloud.rules({"action": "DescribeKey", "code": code, "message": "No."})
    found = findings(stack)
    assert list(found) == ["default key of volumes"]
    assert found["default key of volumes"].startswith(f"{key} {problem}, so EC2 would end every new instance")
    assert fix in found["default key of volumes"]
