#!/usr/bin/python
"""Ansible module: the elastic IPs of a stack's nodes."""

from __future__ import annotations

DOCUMENTATION = """
---
module: aws_elastic_ips
short_description: Manages the elastic IPs of network interfaces on AWS, and the addresses that have them
version_added: 1.0.0
description:
  - Gives each address of a node an elastic IP, which is found again by its tags. Those that match O(filters) and belong
    to no given address are released, and the addresses that had them are taken from the interfaces.
  - The module P(amazon.aws.ec2_eip#module) does one address at a time.
options:
  filters:
    description: Filters of EC2 by which the elastic IPs are found.
    type: dict
    required: true
  tags:
    description: Tags of new elastic IPs, beside C(romana:node) and C(romana:address).
    type: dict
    default: {}
  addresses:
    description: The addresses of each node that have an elastic IP, by node.
    type: dict
    default: {}
  interfaces:
    description: The network interface of each node, by node. A node without one gets elastic IPs that lead nowhere yet.
    type: dict
    default: {}
  assign:
    description:
      - Whether addresses that an interface does not have are assigned to it.
      - Otherwise they get an elastic IP that leads nowhere yet.
    type: bool
    default: false
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - romana.openstack.attributes
"""

EXAMPLES = """
- name: Set the elastic IPs
  romana.openstack.aws_elastic_ips:
    filters:
      tag:romana:stack: demo
    tags:
      romana:stack: demo
    addresses:
      controller: [192.168.99.10, 192.168.99.254]
    interfaces:
      controller: eni-0123456789abcdef0
    assign: true
"""

RETURN = """
allocated:
  description: Addresses that had no elastic IP.
  returned: success
  type: list
  elements: str
assigned:
  description: Addresses that were assigned to an interface.
  returned: success
  type: list
  elements: str
associated:
  description: Addresses that an elastic IP leads to now, and did not before.
  returned: success
  type: list
  elements: str
released:
  description: Elastic IPs that were released.
  returned: success
  type: list
  elements: str
elastic_ips:
  description: The elastic IP of each address; in check mode without new ones.
  returned: success
  type: dict
resource_ids:
  description: Allocation ids of all of them.
  returned: success
  type: list
  elements: str
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry
from ansible_collections.amazon.aws.plugins.module_utils.transformation import ansible_dict_to_boto3_filter_list
from botocore.exceptions import BotoCoreError, ClientError

NODE, ADDRESS = "romana:node", "romana:address"
# Said for some moments of what has just been made.
TRANSIENT = ["InvalidAllocationID.NotFound", "InvalidNetworkInterfaceID.NotFound", "IncorrectInstanceState"]


@dataclass(frozen=True)
class Place:
    """An address of a node, which an elastic IP is for."""

    node: str
    address: str


@dataclass(frozen=True)
class Difference:
    """What has to be done, in this order.

    moved: elastic IPs, as EC2 describes them, that lead elsewhere than they should; released: those that are to go;
    unassigned: addresses to be taken from an interface, each with it; allocated: places without an elastic IP;
    assigned: addresses that an interface is to get, each with it; associated: places that their elastic IP is to lead
    to, each with the interface.
    """

    moved: list[dict[str, Any]]
    unassigned: list[tuple[str, str]]
    released: list[dict[str, Any]]
    allocated: list[Place]
    assigned: list[tuple[str, str]]
    associated: list[tuple[Place, str]]


def place(item: dict[str, Any]) -> Place:
    """What an elastic IP, as EC2 describes it, is for."""
    tags = {tag["Key"]: tag["Value"] for tag in item.get("Tags", [])}
    return Place(tags.get(NODE, ""), tags.get(ADDRESS, ""))


def wanted(addresses: dict[str, list[str]]) -> list[Place]:
    """All places, in the order in which they are given."""
    return [Place(node, address) for node, several in addresses.items() for address in several]


def kept(places: Iterable[Place], items: Iterable[dict[str, Any]]) -> dict[Place, dict[str, Any]]:
    """The elastic IP of each place; of two with the same tags the one that is in use."""
    found: dict[Place, dict[str, Any]] = {}
    for item in sorted(items, key=lambda item: (not item.get("AssociationId"), item["AllocationId"])):
        if place(item) in places:
            found.setdefault(place(item), item)
    return found


def difference(
    places: list[Place],
    items: list[dict[str, Any]],
    interfaces: dict[str, str],
    has: dict[str, list[str]],
    assign: bool,
) -> Difference:
    """What makes the elastic IPs those of the places. Pure.

    items: the elastic IPs as EC2 describes them; interfaces: by node; has: the addresses of each interface.
    """
    own = kept(places, items)
    gone = [item for item in items if item not in own.values()]
    ends = [(one, interfaces[one.node]) for one in places if one.node in interfaces]
    assigned = [(interface, one.address) for one, interface in ends if assign and one.address not in has[interface]]
    reached = [
        (one, interface)
        for one, interface in ends
        if one.address in has[interface] or (interface, one.address) in assigned
    ]
    leads = {
        one: (item["NetworkInterfaceId"], item["PrivateIpAddress"])
        for one, item in own.items()
        if item.get("AssociationId")
    }
    there = {one: (interface, one.address) for one, interface in reached}
    wrong = [own[one] for one, end in leads.items() if there.get(one, end) != end]
    needed = {one.address for one in places}
    left = [(interfaces.get(place(item).node, ""), place(item).address) for item in gone]
    return Difference(
        # What secondary addresses have goes first: without any, an instance gets a new public address for its own.
        moved=[
            *wrong,
            *sorted((item for item in gone if item.get("AssociationId")), key=lambda item: is_first(item, has)),
        ],
        unassigned=[
            (interface, address)
            for interface, address in left
            if address not in needed and address in has.get(interface, [])[1:]
        ],
        released=gone,
        allocated=[one for one in places if one not in own],
        assigned=assigned,
        associated=[(one, interface) for one, interface in reached if leads.get(one) != there[one]],
    )


def is_first(item: dict[str, Any], has: dict[str, list[str]]) -> bool:
    """Whether an elastic IP leads to an interface's primary address, or to one that is not known."""
    return item["PrivateIpAddress"] not in has.get(item["NetworkInterfaceId"], [])[1:]


def listed(client: Any, filters: dict[str, Any]) -> list[dict[str, Any]]:
    """The elastic IPs that there are. Raises ClientError, BotoCoreError."""
    found = client.describe_addresses(Filters=ansible_dict_to_boto3_filter_list(filters), aws_retry=True)
    items: list[dict[str, Any]] = found["Addresses"]
    return items


def addresses_of(client: Any, interfaces: list[str]) -> dict[str, list[str]]:
    """The addresses of each interface, the primary one first. Raises ClientError, BotoCoreError."""
    if not interfaces:
        return {}
    found = client.describe_network_interfaces(NetworkInterfaceIds=interfaces, aws_retry=True)["NetworkInterfaces"]
    return {
        item["NetworkInterfaceId"]: [
            each["PrivateIpAddress"]
            for each in sorted(item["PrivateIpAddresses"], key=lambda each: not each["Primary"])
        ]
        for item in found
    }


def apply(client: Any, change: Difference, own: dict[Place, dict[str, Any]], tags: dict[str, str]) -> None:
    """Make the change; `own` comes to know what is new. Raises ClientError, BotoCoreError."""
    for item in change.moved:
        client.disassociate_address(AssociationId=item["AssociationId"], aws_retry=True)
    for interface, address in change.unassigned:
        client.unassign_private_ip_addresses(NetworkInterfaceId=interface, PrivateIpAddresses=[address], aws_retry=True)
    # Last of what is taken away: by its tags a run after one that was killed knows the address.
    for item in change.released:
        client.release_address(AllocationId=item["AllocationId"], aws_retry=True)
    for one in change.allocated:
        every = {**tags, NODE: one.node, ADDRESS: one.address}
        named = [{"Key": key, "Value": str(value)} for key, value in every.items()]
        specification = [{"ResourceType": "elastic-ip", "Tags": named}]
        own[one] = client.allocate_address(Domain="vpc", TagSpecifications=specification, aws_retry=True)
    for interface, address in change.assigned:
        client.assign_private_ip_addresses(NetworkInterfaceId=interface, PrivateIpAddresses=[address], aws_retry=True)
    for one, interface in change.associated:
        client.associate_address(
            AllocationId=own[one]["AllocationId"],
            NetworkInterfaceId=interface,
            PrivateIpAddress=one.address,
            AllowReassociation=False,
            aws_retry=True,
        )


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "filters": {"type": "dict", "required": True},
            "tags": {"type": "dict", "default": {}},
            "addresses": {"type": "dict", "default": {}},
            "interfaces": {"type": "dict", "default": {}},
            "assign": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    given = module.params
    places = wanted(given["addresses"])
    try:
        client = module.client("ec2", retry_decorator=AWSRetry.jittered_backoff(catch_extra_error_codes=TRANSIENT))
        items = listed(client, given["filters"])
        has = addresses_of(client, sorted(given["interfaces"].values()))
        change = difference(places, items, given["interfaces"], has, given["assign"])
        own = kept(places, items)
        if not module.check_mode:
            apply(client, change, own, given["tags"])
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg="the elastic IPs cannot be set")
    result = {
        "allocated": [one.address for one in change.allocated],
        "assigned": [address for _, address in change.assigned],
        "associated": [one.address for one, _ in change.associated],
        "released": [item["PublicIp"] for item in change.released],
    }
    changed = any(result.values()) or bool(change.moved or change.unassigned)
    module.exit_json(
        changed=changed,
        elastic_ips={one.address: item["PublicIp"] for one, item in own.items()},
        resource_ids=[item["AllocationId"] for item in own.values()],
        **result,
    )


if __name__ == "__main__":
    main()
