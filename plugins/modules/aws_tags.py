#!/usr/bin/python
"""Ansible module: tags of resources of EC2."""

from __future__ import annotations

DOCUMENTATION = """
---
module: aws_tags
short_description: Manages tags of EC2's resources
version_added: 1.0.0
description:
  - Gives resources of EC2 tags, and takes others away. Tags that are not named stay as they are.
  - The module P(amazon.aws.ec2_tag#module) does the same for one resource at a time, and removes a tag of a key whoever
    has put it there.
options:
  resources:
    description: Ids of the resources.
    type: list
    elements: str
    required: true
  vpcs:
    description: Ids of VPCs whose main route table, default security group and default network ACL are meant, too.
    type: list
    elements: str
    default: []
  tags:
    description: Tags that each of them gets, by key.
    type: dict
    default: {}
  removed:
    description: Tags that none of them keeps. One of the same key with another value stays.
    type: list
    elements: dict
    default: []
    suboptions:
      key:
        description: Key of the tag.
        type: str
        required: true
      value:
        description: Value of the tag.
        type: str
        required: true
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - romana.openstack.attributes
"""

EXAMPLES = """
- name: Tag a VPC with what comes along, and a volume
  romana.openstack.aws_tags:
    resources: [vpc-0123456789abcdef0, vol-0123456789abcdef0]
    vpcs: [vpc-0123456789abcdef0]
    tags:
      cost-center: "42"
    removed:
      - {key: cost-centre, value: "42"}
"""

RETURN = """
put:
  description: Tags that were missing or had another value, by the id of the resource.
  returned: success
  type: dict
removed:
  description: Tags that were removed, by the id of the resource.
  returned: success
  type: dict
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry
from botocore.exceptions import BotoCoreError, ClientError

AT_A_TIME = 200  # values that a filter takes
# What comes along with a VPC: the action that lists it, the filter that tells it from its like, and its id.
BROUGHT = {
    "RouteTables": ("describe_route_tables", {"Name": "association.main", "Values": ["true"]}, "RouteTableId"),
    "SecurityGroups": ("describe_security_groups", {"Name": "group-name", "Values": ["default"]}, "GroupId"),
    "NetworkAcls": ("describe_network_acls", {"Name": "default", "Values": ["true"]}, "NetworkAclId"),
}

Tags = dict[str, str]


@dataclass(frozen=True)
class Difference:
    """Tags to put and to remove, by the id of the resource; only of resources that lack or have any."""

    put: dict[str, Tags]
    removed: dict[str, Tags]


def difference(tags: Tags, removed: list[dict[str, str]], there: dict[str, Tags]) -> Difference:
    """What gives resources the tags and takes the others. there: what each has. Pure."""
    put = {name: {key: value for key, value in tags.items() if has.get(key) != value} for name, has in there.items()}
    gone = [item for item in removed if item["key"] not in tags]
    lost = {
        name: {item["key"]: item["value"] for item in gone if has.get(item["key"]) == item["value"]}
        for name, has in there.items()
    }
    return Difference(*({name: change for name, change in changes.items() if change} for changes in (put, lost)))


def calls(changes: dict[str, Tags]) -> Iterator[dict[str, Any]]:
    """The arguments of the calls that make a change of each resource: those that are alike in one call. Pure."""
    alike: dict[str, list[str]] = {}
    for name, tags in changes.items():
        alike.setdefault(json.dumps(tags, sort_keys=True), []).append(name)
    for text, names in alike.items():
        for part in batches(names):
            yield {"Resources": part, "Tags": [{"Key": key, "Value": value} for key, value in json.loads(text).items()]}


def batches(names: list[str]) -> list[list[str]]:
    """The names in parts that a call takes. Pure."""
    return [names[start : start + AT_A_TIME] for start in range(0, len(names), AT_A_TIME)]


def brought(client: Any, vpcs: list[str]) -> list[str]:
    """What comes along with VPCs. Raises ClientError, BotoCoreError."""
    there = {"Name": "vpc-id", "Values": vpcs}
    return [
        item[identity]
        for key, (action, own, identity) in BROUGHT.items()
        for item in getattr(client, action)(Filters=[there, own], aws_retry=True)[key]
    ]


def look(client: Any, names: list[str]) -> dict[str, Tags]:
    """The tags of each resource. Raises ClientError, BotoCoreError."""
    found: dict[str, Tags] = {name: {} for name in names}
    for part in batches(names):
        filters = [{"Name": "resource-id", "Values": part}]
        for page in client.get_paginator("describe_tags").paginate(Filters=filters):
            for item in page["Tags"]:
                found[item["ResourceId"]][item["Key"]] = item["Value"]
    return found


def apply(client: Any, change: Difference) -> None:
    """Make the change. Raises ClientError, BotoCoreError."""
    for arguments in calls(change.put):
        client.create_tags(**arguments, aws_retry=True)
    for arguments in calls(change.removed):
        # With its value: whoever else has changed it meanwhile keeps it.
        client.delete_tags(**arguments, aws_retry=True)


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "resources": {"type": "list", "elements": "str", "required": True},
            "vpcs": {"type": "list", "elements": "str", "default": []},
            "tags": {"type": "dict", "default": {}},
            "removed": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {"key": {"required": True, "no_log": False}, "value": {"required": True}},
            },
        },
        supports_check_mode=True,
    )
    try:
        client = module.client("ec2", retry_decorator=AWSRetry.jittered_backoff())
        vpcs = module.params["vpcs"]
        names = [*module.params["resources"], *(brought(client, vpcs) if vpcs else [])]
        there = AWSRetry.jittered_backoff()(look)(client, names)
        change = difference(module.params["tags"], module.params["removed"], there)
        if not module.check_mode:
            apply(client, change)
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg="the tags cannot be set")
    module.exit_json(changed=any(asdict(change).values()), **asdict(change))


if __name__ == "__main__":
    main()
