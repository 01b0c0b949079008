"""What the module aws_launch asks of EC2, and what there is afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry, RetryingBotoClientWrapper
from moto import mock_aws
from plugins.modules.aws_launch import found, launch, main, request

from romana_install.config.settings import Config
from romana_install.targets.aws import dry_runs

TAGS = {"romana:stack": "demo", "romana:node": "controller"}
FILTERS = {"tag:romana:stack": "demo", "tag:romana:node": "controller", "instance-state-name": ["pending", "running"]}
WANTED = {
    "tags": TAGS,
    "image_id": "ami-1",
    "instance_type": "t3.large",
    "key_name": "mine",
    "subnet_id": "subnet-1",
    "private_ip_address": "192.168.99.10",
    "group_id": "sg-1",
    "root_device_name": "/dev/xvda",
    "volume_size": 40,
    "user_data": "#cloud-config\n{}\n",
}


def test_everything_that_is_launched_has_the_tags() -> None:
    tags = [{"Key": key, "Value": value} for key, value in TAGS.items()]
    asked = {item["ResourceType"]: item["Tags"] for item in request(WANTED)["TagSpecifications"]}
    assert asked == {"instance": tags, "volume": tags, "network-interface": tags}


def test_a_dry_run_asks_for_the_same() -> None:
    asked, tried = request(WANTED), dry_runs.instance(Config())
    for part in ("MetadataOptions", "BlockDeviceMappings", "InstanceType"):
        assert asked[part] == tried[part]
    kinds = [[item["ResourceType"] for item in each["TagSpecifications"]] for each in (asked, tried)]
    assert kinds[0] == kinds[1]


@pytest.fixture
def client() -> Iterator[Any]:
    """EC2, where nothing is but a subnet, a security group and a key pair."""
    with mock_aws():
        yield RetryingBotoClientWrapper(boto3.client("ec2", "eu-west-1"), AWSRetry.jittered_backoff())


def placed(client: Any) -> dict[str, Any]:
    """Parameters for an instance that EC2 has a place for."""
    vpc = client.create_vpc(CidrBlock="192.168.99.0/24")["Vpc"]["VpcId"]
    subnet = client.create_subnet(VpcId=vpc, CidrBlock="192.168.99.0/24")["Subnet"]["SubnetId"]
    group = client.create_security_group(GroupName="demo", Description="demo", VpcId=vpc)["GroupId"]
    image = client.describe_images()["Images"][0]["ImageId"]
    client.create_key_pair(KeyName="mine")
    return {**WANTED, "subnet_id": subnet, "group_id": group, "image_id": image}


def test_an_instance_is_launched_found_again_and_forwards(client: Any) -> None:
    assert found(client, FILTERS) == ""
    instance = launch(client, request(placed(client)))
    assert found(client, FILTERS) == instance
    (there,) = client.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"]
    assert there["SourceDestCheck"] is False
    assert there["PrivateIpAddress"] == "192.168.99.10"
    client.terminate_instances(InstanceIds=[instance])
    assert found(client, FILTERS) == ""


def test_check_mode_says_what_would_be_launched_and_launches_nothing(
    client: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    task = {**placed(client), "filters": FILTERS}

    def run(**options: Any) -> dict[str, Any]:
        with patch_module_args({**task, **options}), pytest.raises(SystemExit):
            main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    # As from nothing, when not even the subnet is there.
    tried = run(_ansible_check_mode=True, subnet_id="", group_id="")
    assert (tried["changed"], tried["instance_id"], tried["diff"]["before"]) == (True, "", {})
    assert tried["diff"]["after"]["private_ip_address"] == "192.168.99.10"
    assert found(client, FILTERS) == ""
    made = run()
    assert (made["changed"], made["instance_id"]) == (True, found(client, FILTERS))
    again = run(_ansible_check_mode=True)
    assert (again["changed"], again["instance_id"]) == (False, made["instance_id"])
    assert again["diff"]["before"] == again["diff"]["after"]
