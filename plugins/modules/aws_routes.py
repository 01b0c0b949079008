#!/usr/bin/python
"""Ansible module: the routes of a VPC."""

from __future__ import annotations

DOCUMENTATION = """
---
module: aws_routes
short_description: Manages the routes of a VPC on AWS
version_added: 1.0.0
description:
  - Sets the routes of a VPC's main route table to exactly the given ones. Routes that AWS creates, like the one to
    the VPC's own network, are not changed.
  - The module P(amazon.aws.ec2_vpc_route_table#module) can do the same, but always waits five seconds after a change.
options:
  vpc_id:
    description: The VPC.
    type: str
    required: true
  gateway_id:
    description: The internet gateway of the route V(0.0.0.0/0).
    type: str
    required: true
  interfaces:
    description: The network interface for each network, by network.
    type: dict
    default: {}
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - romana.openstack.attributes
"""

EXAMPLES = """
- name: Set the routes
  romana.openstack.aws_routes:
    vpc_id: vpc-0123456789abcdef0
    gateway_id: igw-0123456789abcdef0
    interfaces:
      10.0.0.0/16: eni-0123456789abcdef0
"""

RETURN = """
created:
  description: Networks that had no route.
  returned: success
  type: list
  elements: str
replaced:
  description: Networks whose route had another target.
  returned: success
  type: list
  elements: str
deleted:
  description: Networks whose route was removed.
  returned: success
  type: list
  elements: str
"""

from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry
from botocore.exceptions import BotoCoreError, ClientError

EVERYWHERE = "0.0.0.0/0"


@dataclass(frozen=True)
class Difference:
    """Networks whose routes have to be created, replaced and deleted, each in order."""

    created: list[str]
    replaced: list[str]
    deleted: list[str]


def wanted(gateway: str, interfaces: dict[str, str]) -> dict[str, dict[str, str]]:
    """Where each network is to be routed, in EC2's words."""
    routes = {network: {"NetworkInterfaceId": interface} for network, interface in interfaces.items()}
    return {EVERYWHERE: {"GatewayId": gateway}, **routes}


def difference(routes: dict[str, dict[str, str]], table: dict[str, Any]) -> Difference:
    """What makes the route table, as EC2 describes it, have the wanted routes. Pure."""
    ours = [route for route in table["Routes"] if route.get("Origin") == "CreateRoute"]
    there = {route["DestinationCidrBlock"]: route for route in ours if "DestinationCidrBlock" in route}
    return Difference(
        created=sorted(routes.keys() - there.keys()),
        replaced=sorted(
            network
            for network in routes.keys() & there.keys()
            if not routes[network].items() <= there[network].items() or there[network].get("State") == "blackhole"
        ),
        deleted=sorted(there.keys() - routes.keys()),
    )


def main_table(client: Any, vpc: str) -> dict[str, Any]:
    """The VPC's main route table. Raises ClientError, BotoCoreError."""
    filters = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "association.main", "Values": ["true"]}]
    table: dict[str, Any] = client.describe_route_tables(Filters=filters, aws_retry=True)["RouteTables"][0]
    return table


def apply(client: Any, table: str, routes: dict[str, dict[str, str]], change: Difference) -> None:
    """Make the change. Raises ClientError, BotoCoreError."""
    for network in change.deleted:
        client.delete_route(RouteTableId=table, DestinationCidrBlock=network, aws_retry=True)
    for network in change.replaced:
        client.replace_route(RouteTableId=table, DestinationCidrBlock=network, **routes[network], aws_retry=True)
    for network in change.created:
        client.create_route(RouteTableId=table, DestinationCidrBlock=network, **routes[network], aws_retry=True)


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "vpc_id": {"required": True},
            "gateway_id": {"required": True},
            "interfaces": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    routes = wanted(module.params["gateway_id"], module.params["interfaces"])
    try:
        client = module.client("ec2", retry_decorator=AWSRetry.jittered_backoff())
        table = main_table(client, module.params["vpc_id"])
        change = difference(routes, table)
        if not module.check_mode:
            apply(client, table["RouteTableId"], routes, change)
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg=f"the routes of {module.params['vpc_id']} cannot be set")
    module.exit_json(changed=any(asdict(change).values()), **asdict(change))


if __name__ == "__main__":
    main()
