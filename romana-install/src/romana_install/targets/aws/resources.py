"""What a stack has on AWS: found by its tag, and by the VPC that has it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from romana_install.targets.aws.account import Account

TAG_STACK, TAG_NODE, TAG_TTL = "romana:stack", "romana:node", "romana:ttl-hours"
THERE = ("pending", "running", "stopping", "stopped", "shutting-down")  # the states of an instance that is not gone
NO_KEEPING = frozenset({"shutting-down", "terminated"})


@dataclass(frozen=True)
class Resource:
    """One thing that AWS keeps for the stack. name: the node, network or name that tells it from its like."""

    kind: str
    id: str
    name: str = ""
    state: str = ""


@dataclass(frozen=True)
class Instance(Resource):
    """An instance.

    type: like t3.large; launched: its last start; ttl_hours: after which it stops itself, 0 for never; volumes: their
    ids; zone, image, address: its own.
    """

    type: str = ""
    image: str = ""
    address: str = ""
    public_address: str = ""
    zone: str = ""
    launched: datetime | None = None
    ttl_hours: float = 0
    volumes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Found:
    """All that a stack has. volume_gib: the size of all volumes together."""

    resources: list[Resource] = field(default_factory=list)
    volume_gib: int = 0

    @property
    def instances(self) -> dict[str, Instance]:
        """The instances by the name of their node, but for those that are ending."""
        there = (item for item in self.resources if isinstance(item, Instance) and item.state not in NO_KEEPING)
        return {item.name: item for item in there}

    def of(self, kind: str) -> list[Resource]:
        """Those of a kind."""
        return [item for item in self.resources if item.kind == kind]


def tags_of(item: dict[str, Any]) -> dict[str, str]:
    """An item's tags as a mapping."""
    return {tag["Key"]: tag["Value"] for tag in item.get("Tags", [])}


def paged(client: Any, operation: str, key: str, **arguments: Any) -> list[dict[str, Any]]:
    """All items of an answer that may come in pages."""
    return [item for page in client.get_paginator(operation).paginate(**arguments) for item in page[key]]


def found(account: Account, stack: str) -> Found:
    """Ask AWS for all that a stack has. Raises botocore's BotoCoreError and ClientError."""
    client = account.client("ec2")
    tagged = [{"Name": f"tag:{TAG_STACK}", "Values": [stack]}]
    vpcs = [item["VpcId"] for item in paged(client, "describe_vpcs", "Vpcs", Filters=tagged)]
    resources: list[Resource] = [*_instances(client, tagged, vpcs)]
    volumes = paged(client, "describe_volumes", "Volumes", Filters=tagged)
    resources += [Resource("volume", item["VolumeId"], f"{item['Size']} GiB", item["State"]) for item in volumes]
    pairs = client.describe_key_pairs(Filters=tagged)["KeyPairs"]
    resources += [Resource("key pair", item["KeyPairId"], item["KeyName"]) for item in pairs]
    resources += _within(client, tagged, vpcs)
    resources += [Resource("VPC", vpc) for vpc in vpcs]
    return Found(resources, sum(item["Size"] for item in volumes))


def _instances(client: Any, tagged: list[dict[str, Any]], vpcs: Sequence[str]) -> Iterator[Instance]:
    states = {"Name": "instance-state-name", "Values": list(THERE)}
    seen = set()
    for filters in (tagged, *([_in(vpcs)] if vpcs else [])):
        for reservation in paged(client, "describe_instances", "Reservations", Filters=[*filters, states]):
            for item in reservation["Instances"]:
                if item["InstanceId"] not in seen:
                    seen.add(item["InstanceId"])
                    yield _instance(item)


def _instance(item: dict[str, Any]) -> Instance:
    tags = tags_of(item)
    return Instance(
        kind="instance",
        id=item["InstanceId"],
        name=tags.get(TAG_NODE, ""),
        state=item["State"]["Name"],
        type=item["InstanceType"],
        image=item["ImageId"],
        address=item.get("PrivateIpAddress") or "",
        public_address=item.get("PublicIpAddress") or "",
        zone=item["Placement"]["AvailabilityZone"],
        launched=item["LaunchTime"],
        ttl_hours=_hours(tags.get(TAG_TTL, "")),
        volumes=tuple(
            mapping["Ebs"]["VolumeId"] for mapping in item.get("BlockDeviceMappings", []) if "Ebs" in mapping
        ),
    )


def _hours(text: str) -> float:
    try:
        return float(text or 0)
    except ValueError:
        return 0  # somebody has written something else there


def _in(vpcs: Sequence[str]) -> list[dict[str, Any]]:
    return [{"Name": "vpc-id", "Values": list(vpcs)}]


def _within(client: Any, tagged: list[dict[str, Any]], vpcs: Sequence[str]) -> Iterator[Resource]:
    """What is in the VPCs, tagged or not, but for what they have by themselves; and what is tagged and in none."""
    there: dict[str, Resource] = {}
    for filters in (tagged, *([_in(vpcs)] if vpcs else [])):
        attached = [{**item, "Name": "attachment.vpc-id"} if item["Name"] == "vpc-id" else item for item in filters]
        listed = [
            *(_named("subnet", item, "SubnetId", "CidrBlock") for item in _list(client, "subnets", filters)),
            *(_named("interface", item, "NetworkInterfaceId", "PrivateIpAddress") for item in _loose(client, filters)),
            *(_named("route table", item, "RouteTableId", "") for item in _tables(client, filters)),
            *(_named("security group", item, "GroupId", "GroupName") for item in _groups(client, filters)),
            *(
                _named("internet gateway", item, "InternetGatewayId", "")
                for item in _list(client, "internet_gateways", attached)
            ),
        ]
        there |= {item.id: item for item in listed}
    yield from there.values()


def _tables(client: Any, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Route tables but for the main one, which belongs to the VPC itself."""
    every = _list(client, "route_tables", filters)
    return [item for item in every if not any(association.get("Main") for association in item["Associations"])]


def _groups(client: Any, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Security groups but for the one that each VPC has by itself."""
    return [item for item in _list(client, "security_groups", filters) if item["GroupName"] != "default"]


def _list(client: Any, things: str, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
    key = "".join(word.capitalize() for word in things.split("_"))
    return paged(client, f"describe_{things}", key, Filters=filters)


def _loose(client: Any, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Network interfaces of no instance; the others go with theirs."""
    every = _list(client, "network_interfaces", filters)
    return [item for item in every if not item.get("Attachment", {}).get("InstanceId")]


def _named(kind: str, item: dict[str, Any], identity: str, name: str) -> Resource:
    return Resource(kind, item[identity], str(item.get(name, "")))
