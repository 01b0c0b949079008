#!/usr/bin/python
"""Ansible module: an instance of EC2 that is launched with everything tagged."""

from __future__ import annotations

DOCUMENTATION = """
---
module: aws_launch
short_description: Launches an instance of EC2 with everything tagged
version_added: 1.0.0
description:
  - Launches an instance unless one is found. It gets a public address and one encrypted volume, gives metadata for
    session tokens only, and may forward packets of others. An instance that is found is left as it is.
  - Instance, volume and network interface have the tags from the start, as an organization may demand. The module
    P(amazon.aws.ec2_instance#module) tags no network interface.
options:
  filters:
    description: Filters of EC2 by which the instance is found.
    type: dict
    required: true
  tags:
    description: Tags of the instance, its volume and its network interface.
    type: dict
    required: true
  image_id:
    description: Id of the image.
    type: str
    required: true
  instance_type:
    description: Type of the instance.
    type: str
    required: true
  key_name:
    description: Name of the key pair.
    type: str
    required: true
  subnet_id:
    description: Id of the subnet.
    type: str
    required: true
  private_ip_address:
    description: Address in the subnet.
    type: str
    required: true
  group_id:
    description: Id of the security group.
    type: str
    required: true
  root_device_name:
    description: The image's name of the volume that it boots from.
    type: str
    required: true
  volume_size:
    description: Size of that volume in GiB.
    type: int
    required: true
  user_data:
    description: What cloud-init is told.
    type: str
    required: true
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - romana.openstack.attributes
"""

EXAMPLES = """
- name: Launch a controller
  romana.openstack.aws_launch:
    filters:
      tag:Name: controller
      instance-state-name: [pending, running, stopping, stopped]
    tags:
      Name: controller
    image_id: ami-0123456789abcdef0
    instance_type: t3.large
    key_name: mine
    subnet_id: subnet-0123456789abcdef0
    private_ip_address: 192.168.99.10
    group_id: sg-0123456789abcdef0
    root_device_name: /dev/xvda
    volume_size: 40
    user_data: |
      #cloud-config
      {}
"""

RETURN = """
instance_id:
  description: Id of the instance; empty in check mode when there is none.
  returned: success
  type: str
"""

import uuid
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry
from ansible_collections.amazon.aws.plugins.module_utils.transformation import ansible_dict_to_boto3_filter_list
from botocore.exceptions import BotoCoreError, ClientError

TAGGED = ("instance", "volume", "network-interface")
# Said while EC2 has no room, and for some moments of an instance that was just launched.
TRANSIENT = ["IncorrectState", "InsufficientInstanceCapacity", "InvalidInstanceID.NotFound"]
TEXTS = (
    "image_id",
    "instance_type",
    "key_name",
    "subnet_id",
    "private_ip_address",
    "group_id",
    "root_device_name",
)


def request(wanted: dict[str, Any]) -> dict[str, Any]:
    """The arguments of RunInstances for an instance as the module's parameters have it. Pure."""
    tags = [{"Key": key, "Value": str(value)} for key, value in wanted["tags"].items()]
    interface = {
        "DeviceIndex": 0,
        "SubnetId": wanted["subnet_id"],
        "PrivateIpAddress": wanted["private_ip_address"],
        "AssociatePublicIpAddress": True,
        "Groups": [wanted["group_id"]],
        "DeleteOnTermination": True,
    }
    volume = {
        "VolumeType": "gp3",
        "VolumeSize": wanted["volume_size"],
        "Encrypted": True,
        "DeleteOnTermination": True,
    }
    return {
        "MinCount": 1,
        "MaxCount": 1,
        "ImageId": wanted["image_id"],
        "InstanceType": wanted["instance_type"],
        "KeyName": wanted["key_name"],
        "NetworkInterfaces": [interface],
        "BlockDeviceMappings": [{"DeviceName": wanted["root_device_name"], "Ebs": volume}],
        # Answers come no further than the instance itself: its guests have none of its rights.
        "MetadataOptions": {"HttpEndpoint": "enabled", "HttpTokens": "required", "HttpPutResponseHopLimit": 1},
        "InstanceInitiatedShutdownBehavior": "stop",
        "UserData": wanted["user_data"],
        "TagSpecifications": [{"ResourceType": kind, "Tags": tags} for kind in TAGGED],
    }


def found(client: Any, filters: dict[str, Any]) -> str:
    """The id of an instance that is there; empty without one. Raises ClientError, BotoCoreError."""
    listed = client.describe_instances(Filters=ansible_dict_to_boto3_filter_list(filters), aws_retry=True)
    there = [instance["InstanceId"] for reservation in listed["Reservations"] for instance in reservation["Instances"]]
    return there[0] if there else ""


def launch(client: Any, arguments: dict[str, Any]) -> str:
    """Launch an instance that forwards; returns its id. Raises ClientError, BotoCoreError."""
    order = uuid.uuid4().hex  # by which EC2 knows it again, when its answer was lost and it is given once more
    launched = client.run_instances(**arguments, ClientToken=order, aws_retry=True)
    instance: str = launched["Instances"][0]["InstanceId"]
    # No order takes this along.
    client.modify_instance_attribute(InstanceId=instance, SourceDestCheck={"Value": False}, aws_retry=True)
    return instance


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "filters": {"type": "dict", "required": True},
            "tags": {"type": "dict", "required": True},
            "volume_size": {"type": "int", "required": True},
            **{name: {"required": True} for name in TEXTS},
            "user_data": {"required": True, "no_log": True},  # it has the host key
        },
        supports_check_mode=True,
    )
    try:
        client = module.client("ec2", retry_decorator=AWSRetry.jittered_backoff(catch_extra_error_codes=TRANSIENT))
        instance = found(client, module.params["filters"])
        changed = not instance
        if changed and not module.check_mode:
            instance = launch(client, request(module.params))
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg="the instance cannot be launched")
    after = {name: module.params[name] for name in ("instance_type", "private_ip_address", "image_id", "tags")}
    module.exit_json(changed=changed, instance_id=instance, diff={"before": {} if changed else after, "after": after})


if __name__ == "__main__":
    main()
