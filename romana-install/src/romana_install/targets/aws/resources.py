"""What a stack has on AWS: found by its tag, and by the VPC that has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address
from typing import Any

from romana_install.targets.aws.account import Account

TAG_NAME, OWN_PREFIX = "Name", "romana:"  # what tags of our own are called
TAG_STACK, TAG_NODE, TAG_TTL = (f"{OWN_PREFIX}{word}" for word in ("stack", "node", "ttl-hours"))
TAG_ADDRESS = f"{OWN_PREFIX}address"
THERE = ("pending", "running", "stopping", "stopped", "shutting-down")  # the states of an instance that is not gone
NO_KEEPING = frozenset({"shutting-down", "terminated"})


@dataclass(frozen=True)
class Resource:
    """One thing that AWS keeps for the stack.

    name: the node, network or name that tells it from its like; comes_along: with something else, and goes with it.
    """

    kind: str
    id: str
    name: str = ""
    state: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    comes_along: bool = False


@dataclass(frozen=True)
class Instance(Resource):
    """An instance.

    type: like t3.large; launched: its last start; ttl_hours: after which it stops itself, 0 for never; volumes: their
    ids; zone, image, address: its own; reason: why it is in its state, in EC2's words; empty where EC2 gives none.
    """

    type: str = ""
    image: str = ""
    address: str = ""
    public_address: str = ""
    zone: str = ""
    launched: datetime | None = None
    ttl_hours: float = 0
    volumes: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class ElasticIp(Resource):
    """An elastic IP. node, address: whose it is, and at which of its addresses; leads: whether it leads there now."""

    node: str = ""
    address: str = ""
    leads: bool = False


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

    @property
    def elastic_ips(self) -> list[ElasticIp]:
        """All of them, in the order of nodes and addresses."""
        there = [item for item in self.resources if isinstance(item, ElasticIp)]
        return sorted(there, key=lambda item: (item.node, IPv4Address(item.address or 0)))

    def of(self, kind: str) -> list[Resource]:
        """Those of a kind that have not come along with something else."""
        return [item for item in self.resources if item.kind == kind and not item.comes_along]


def tags_of(item: dict[str, Any]) -> dict[str, str]:
    """An item's tags as a mapping. EC2 has another word for those of a network interface."""
    return {tag["Key"]: tag["Value"] for tag in item.get("Tags", item.get("TagSet", []))}


def paged(client: Any, operation: str, key: str, **arguments: Any) -> list[dict[str, Any]]:
    """All items of an answer that may come in pages."""
    return [item for page in client.get_paginator(operation).paginate(**arguments) for item in page[key]]


def found(account: Account, stack: str) -> Found:
    """Ask AWS for all that a stack has. Raises botocore's BotoCoreError and ClientError."""
    client = account.client("ec2")
    tagged = [{"Name": f"tag:{TAG_STACK}", "Values": [stack]}]
    vpcs_found = paged(client, "describe_vpcs", "Vpcs", Filters=tagged)
    vpcs = [item["VpcId"] for item in vpcs_found]
    resources: list[Resource] = [*_instances(client, tagged, vpcs)]
    elastic = client.describe_addresses(Filters=tagged)["Addresses"]
    resources += map(_elastic_ip, elastic)
    volumes = paged(client, "describe_volumes", "Volumes", Filters=tagged)
    resources += [_volume(item) for item in volumes]
    pairs = client.describe_key_pairs(Filters=tagged)["KeyPairs"]
    resources += [_named("key pair", item, "KeyPairId", "KeyName") for item in pairs]
    resources += _within(client, tagged, vpcs)
    resources += [_named("VPC", item, "VpcId", "") for item in vpcs_found]
    return Found(resources, sum(item["Size"] for item in volumes))


def last(client: Any, stack: str, node: str) -> Instance | None:
    """The instance of a node, also one that has ended; of several the one that was started last; None without any.

    stack: its name. Raises botocore's BotoCoreError and ClientError.
    """
    filters = [{"Name": f"tag:{tag}", "Values": [value]} for tag, value in ((TAG_STACK, stack), (TAG_NODE, node))]
    reservations = paged(client, "describe_instances", "Reservations", Filters=filters)
    items = [item for reservation in reservations for item in reservation["Instances"]]
    return _instance(max(items, key=lambda item: item["LaunchTime"])) if items else None


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
        tags=tags,
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
        reason=item.get("StateReason", {}).get("Message", ""),
    )


def _volume(item: dict[str, Any]) -> Resource:
    state = item["State"]
    name = f"{item['Size']} GiB"
    return Resource("volume", item["VolumeId"], name, state, tags_of(item), state in ("in-use", "deleting"))


def _elastic_ip(item: dict[str, Any]) -> ElasticIp:
    tags = tags_of(item)
    return ElasticIp(
        kind="elastic IP",
        id=item["AllocationId"],
        name=item["PublicIp"],
        tags=tags,
        node=tags.get(TAG_NODE, ""),
        address=tags.get(TAG_ADDRESS, ""),
        leads=bool(item.get("AssociationId")),
    )


def _hours(text: str) -> float:
    try:
        return float(text or 0)
    except ValueError:
        return 0  # somebody has written something else there


def _in(vpcs: Sequence[str]) -> list[dict[str, Any]]:
    return [{"Name": "vpc-id", "Values": list(vpcs)}]


def _within(client: Any, tagged: list[dict[str, Any]], vpcs: Sequence[str]) -> Iterator[Resource]:
    """What is in the VPCs, tagged or not, and what is tagged and in none."""
    there: dict[str, Resource] = {}
    for filters in (tagged, *([_in(vpcs)] if vpcs else [])):
        attached = [{**item, "Name": "attachment.vpc-id"} if item["Name"] == "vpc-id" else item for item in filters]
        listed = [
            *(_named("subnet", item, "SubnetId", "CidrBlock") for item in _list(client, "subnets", filters)),
            *(_interface(item) for item in _list(client, "network_interfaces", filters)),
            *(_table(item) for item in _list(client, "route_tables", filters)),
            *(_group(item) for item in _list(client, "security_groups", filters)),
            *(_acl(item) for item in _list(client, "network_acls", filters)),
            *(
                _named("internet gateway", item, "InternetGatewayId", "")
                for item in _list(client, "internet_gateways", attached)
            ),
        ]
        there |= {item.id: item for item in listed}
    yield from there.values()


def _list(client: Any, things: str, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
    key = "".join(word.capitalize() for word in things.split("_"))
    return paged(client, f"describe_{things}", key, Filters=filters)


def _interface(item: dict[str, Any]) -> Resource:
    """An interface; an instance's goes with it."""
    along = bool(item.get("Attachment", {}).get("InstanceId"))
    return _named("interface", item, "NetworkInterfaceId", "PrivateIpAddress", along)


def _table(item: dict[str, Any]) -> Resource:
    """A route table; the main one belongs to the VPC itself."""
    along = any(association.get("Main") for association in item["Associations"])
    return _named("route table", item, "RouteTableId", "", along)


def _group(item: dict[str, Any]) -> Resource:
    """A security group; each VPC has one by itself."""
    return _named("security group", item, "GroupId", "GroupName", item["GroupName"] == "default")


def _acl(item: dict[str, Any]) -> Resource:
    """A network ACL; each VPC has one by itself."""
    return _named("network ACL", item, "NetworkAclId", "", item["IsDefault"])


def _named(kind: str, item: dict[str, Any], identity: str, name: str, along: bool = False) -> Resource:
    return Resource(kind, item[identity], str(item.get(name, "")), tags=tags_of(item), comes_along=along)
