"""Whether AWS takes the stack: everything that is wrong, each with its fix. Nothing is made.

Nothing but credentials is looked at before there are credentials: every other question would only give the same answer
once more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from romana_install.base.findings import Finding, did_you_mean
from romana_install.base.invocation import command
from romana_install.config.settings import Config
from romana_install.state.stack import Node, Stack
from romana_install.targets import preflight
from romana_install.targets.aws import dry_runs, errors, images, keys
from romana_install.targets.aws.account import Account
from romana_install.targets.aws.checks import ROUTES, routes_findings
from romana_install.targets.aws.network import instance_type, subnets
from romana_install.targets.aws.resources import TAG_STACK, THERE, paged, tags_of
from romana_install.targets.aws.zones import offering, with_all
from romana_install.targets.nodes import Change
from romana_install.targets.target import Intent

MIB = 2**20
# What a node takes beside OpenStack's services: the system, the agent, what is cached.
MEMORY_SYSTEM = preflight.GIB // 2
VCPU_QUOTA = ("ec2", "L-1216C47A", "Running On-Demand Standard instances")
VPC_QUOTA = ("vpc", "L-F678F1CE", "VPCs per Region")
ROUTES_QUOTA = ("vpc", "L-93826ACB", "Routes per route table")
ELASTIC_QUOTA = ("ec2", "L-0263D0A3", "EC2-VPC Elastic IPs")
STANDARD_FAMILIES = frozenset("acdhimrtz")  # those that the vCPU quota is about
NODE_ARCHITECTURE = "x86_64"


@dataclass(frozen=True)
class Question:
    """What is to be made, and whom to ask."""

    config: Config
    stack: Stack
    change: Change
    is_new: bool
    account: Account

    @cached_property
    def ec2(self) -> Any:
        """The client, which all questions share: making one takes longer than asking."""
        return self.account.client("ec2")

    @cached_property
    def quotas(self) -> Any:
        """The client of quotas, shared as well."""
        return self.account.client("service-quotas")

    @property
    def types(self) -> dict[str, str]:
        """The variable of each instance type that is needed, by type."""
        config = self.config
        keys = ["aws_instance_type_controller"] + ["aws_instance_type_compute"] * (config.devstack_compute_node > 0)
        return {str(getattr(config, key)): key for key in reversed(keys)}

    @cached_property
    def offered(self) -> dict[str, dict[str, Any]]:
        """What EC2 says of the types that are needed, but for those it does not have in the region."""
        wanted = [{"Name": "instance-type", "Values": list(self.types)}]
        found = paged(self.ec2, "describe_instance_types", "InstanceTypes", Filters=wanted)
        return {item["InstanceType"]: item for item in found}


def findings(intent: Intent, account: Account) -> list[Finding]:
    """All of them, in the order of the questions; asks AWS."""
    config, stack = intent.config, intent.stack
    asked = Question(config, stack, intent.change, intent.existing is None, account)
    found = [*preflight.space(config, stack.directory, preflight.SPACE_AGAIN), *preflight.programs(("ssh",))]
    try:
        access = [*_region(account)] or [*_access(asked)]
    except (BotoCoreError, ClientError) as error:
        access = [errors.finding(error, "asking AWS who we are")]
    if access:
        return [*found, *access]
    _ = asked.ec2, asked.quotas  # made before threads share them: a session is not to be used by two at once
    with ThreadPoolExecutor(len(_QUESTIONS)) as pool:
        for answer in pool.map(lambda question: _answered(asked, *question), _QUESTIONS):
            found += answer
    return list(dict.fromkeys(found))


def _answered(asked: Question, ask: Callable[[Question], Iterator[Finding]], doing: str) -> list[Finding]:
    try:
        return list(ask(asked))
    except (BotoCoreError, ClientError) as error:
        return [errors.finding(error, doing)]


def _region(account: Account) -> Iterator[Finding]:
    session = account.session
    if not account.region:
        yield Finding("region", "there is none; give one with -e region=eu-west-1, or run: aws configure")
        return
    known = [
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("ec2", partition_name=partition)
    ]
    if account.region not in known:
        hint = did_you_mean(account.region, known) or "; give one like eu-west-1"
        yield Finding("region", f"AWS has none that is called {account.region!r}{hint}")


def _access(asked: Question) -> Iterator[Finding]:
    yield from asked.account.another(asked.stack.name)
    # STS answers everywhere, EC2 only in regions that the account has enabled.
    asked.ec2.describe_availability_zones()


def _permissions(asked: Question) -> Iterator[Finding]:
    """Let EC2 say whether we might: it looks at nothing else when a dry run is not permitted."""
    client = asked.ec2
    tries: list[tuple[str, Callable[..., Any], dict[str, Any]]] = [
        ("CreateVpc", client.create_vpc, dry_runs.vpc(asked.config)),
        ("CreateInternetGateway", client.create_internet_gateway, dry_runs.internet_gateway(asked.config)),
        ("ImportKeyPair", client.import_key_pair, dry_runs.key_pair(asked.config)),
        ("RunInstances", client.run_instances, dry_runs.instance(asked.config)),
    ]
    if asked.config.aws_floating_ips:
        tries.append(("AllocateAddress", client.allocate_address, dry_runs.elastic_ip(asked.config)))
    for operation, attempt, arguments in tries:
        try:
            attempt(DryRun=True, **arguments)
        except ClientError as error:
            if errors.code(error) in errors.DENIED:
                yield errors.denied(operation)


def _zones(asked: Question) -> Iterator[Finding]:
    there = {item["ZoneName"] for item in asked.ec2.describe_availability_zones()["AvailabilityZones"]}
    for part in subnets(asked.config):
        if part.zone and part.zone not in there:
            yield Finding(
                "aws_availability_zones",
                f"{part.zone} is not a zone of {asked.account.region}; it has: {', '.join(sorted(there))}",
            )


def _key(asked: Question) -> Iterator[Finding]:
    name = asked.config.aws_key_name
    if not name:
        return
    names = [item["KeyName"] for item in asked.ec2.describe_key_pairs()["KeyPairs"]]
    if name not in names:
        hint = did_you_mean(name, names)
        yield Finding(
            "aws_key_name",
            f"there is no key pair {name!r} in {asked.account.region}{hint}; import it there, or leave it empty",
        )


def _types(asked: Question) -> Iterator[Finding]:
    region = asked.account.region
    for name, key in asked.types.items():
        if name not in asked.offered:
            yield Finding(key, f"{name} is not offered in {region}; choose another, like t3.large")
            continue
        architectures = asked.offered[name].get("ProcessorInfo", {}).get("SupportedArchitectures", [NODE_ARCHITECTURE])
        if NODE_ARCHITECTURE not in architectures:
            yield Finding(key, f"{name} has processors of {', '.join(architectures)}; give one of {NODE_ARCHITECTURE}")
    yield from _types_in_zones(asked)
    stack = asked.stack
    needed = {instance_type(asked.config, node): memory(node, stack.engine) for node in reversed(stack.nodes)}
    for name, size in needed.items():
        if name in asked.offered:
            has = asked.offered[name]["MemoryInfo"]["SizeInMiB"] * MIB
            if has < size:
                yield Finding(
                    asked.types[name],
                    f"{name} has {has / preflight.GIB:.2g} GiB of memory, a node with engine {asked.stack.engine} takes"
                    f" {size / preflight.GIB:.2g} GiB; choose a larger one, like t3.large",
                )


def _types_in_zones(asked: Question) -> Iterator[Finding]:
    zones = asked.config.aws_availability_zones
    offers = offering(asked.ec2, asked.types)
    for name, key in asked.types.items():
        for zone in zones:
            if name in asked.offered and zone not in offers[name]:
                yield Finding(key, f"{name} is not offered in zone {zone}; choose another type, or another zone")
    if not zones and asked.is_new and asked.offered.keys() == offers.keys() and not with_all(offers):
        where = "; ".join(f"{name}: {', '.join(sorted(found))}" for name, found in offers.items())
        text = f"no zone of {asked.account.region} offers all of them ({where}); choose types that a zone has together"
        yield Finding("instance types", text)


def memory(node: Node, engine: str) -> int:
    """Bytes of memory that a node takes. Pure."""
    if engine == "none":
        return MEMORY_SYSTEM
    controller = preflight.MEMORY_CONTROLLER[engine]
    return MEMORY_SYSTEM + controller * node.controller + preflight.MEMORY_COMPUTE * node.compute


def _image(asked: Question) -> Iterator[Finding]:
    try:
        image = images.find(asked.ec2, asked.config)
    except ClientError as error:
        if not errors.code(error).startswith("InvalidAMIID"):
            raise
        image = None
    region = asked.account.region
    if image is None:
        what = asked.config.aws_image or f"image of Debian {asked.config.local_debian_release}"
        key = "aws_image" if asked.config.aws_image else "local_debian_release"
        yield Finding(key, f"there is no {what} in {region}; give one that is with -e aws_image=ami-...")
    elif image["Architecture"] != NODE_ARCHITECTURE:
        yield Finding(
            "aws_image", f"{image['ImageId']} is for {image['Architecture']}; give one for {NODE_ARCHITECTURE}"
        )
    else:
        least = max(
            (item["Ebs"].get("VolumeSize", 0) for item in image["BlockDeviceMappings"] if "Ebs" in item), default=0
        )
        if asked.config.aws_volume_size < least:
            yield Finding(
                "aws_volume_size",
                f"is {asked.config.aws_volume_size} GiB, image {image['ImageId']} takes {least}; give {least} or more",
            )


def _quota(asked: Question, quota: tuple[str, str, str]) -> float | None:
    """What the account may have of something; None when it cannot be told, and AWS then says so when it is too late."""
    service, word, _ = quota
    try:
        answer = asked.quotas.get_service_quota(ServiceCode=service, QuotaCode=word)
    except (BotoCoreError, ClientError):
        return None
    return float(answer["Quota"]["Value"])


def _volume_key(asked: Question) -> Iterator[Finding]:
    """Only of new nodes: volumes that are there keep their key."""
    key = keys.default(asked.ec2) if asked.change.add else ""
    if key:
        # Made here, as it is seldom needed: no other question makes a client.
        yield from keys.findings(asked.account.client("kms"), key)


def _vcpus(asked: Question) -> Iterator[Finding]:
    adding = [instance_type(asked.config, node) for node in asked.change.add]
    counted = [name for name in adding if name[0] in STANDARD_FAMILIES and name in asked.offered]
    needed = sum(asked.offered[name]["VCpuInfo"]["DefaultVCpus"] for name in counted)
    limit = _quota(asked, VCPU_QUOTA) if needed else None
    if limit is None:
        return
    states = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    used = sum(
        instance.get("CpuOptions", {}).get("CoreCount", 0) * instance.get("CpuOptions", {}).get("ThreadsPerCore", 0)
        for reservation in paged(asked.ec2, "describe_instances", "Reservations", Filters=states)
        for instance in reservation["Instances"]
        if instance["InstanceType"][0] in STANDARD_FAMILIES
    )
    yield from vcpu_findings(needed, used, limit, asked.account.region)


def vcpu_findings(needed: int, used: int, limit: float, region: str) -> Iterator[Finding]:
    """Findings about new nodes that the account may not have. All figures: vCPUs of standard families. Pure."""
    if used + needed > limit:
        yield Finding(
            "quota",
            f"{needed} vCPUs are needed for new nodes, {max(limit - used, 0):g} of {limit:g} are left in {region};"
            f" have AWS raise `{VCPU_QUOTA[2]}`, lower devstack_compute_node, or choose smaller types",
        )


def _vpcs(asked: Question) -> Iterator[Finding]:
    vpcs = paged(asked.ec2, "describe_vpcs", "Vpcs")
    name = asked.config.stack_name
    ours = [
        item["VpcId"] for item in vpcs if {"Key": TAG_STACK, "Value": name} in [{**tag} for tag in item.get("Tags", [])]
    ]
    if ours and asked.is_new:
        yield Finding(
            "stack_name",
            f"there is a stack {name} in {asked.account.region} ({', '.join(ours)}), made from another machine or by"
            f" another user; choose another name, or remove it with:"
            f" {command('-t', 'aws', 'uninstall', '-e', f'region={asked.account.region}', stack=name)}",
        )
    limit = None if ours else _quota(asked, VPC_QUOTA)
    if limit is not None and len(vpcs) + 1 > limit:
        yield Finding(
            "quota",
            f"{asked.account.region} has {len(vpcs)} VPCs, which is all it may have; remove one, or have AWS raise"
            f" `{VPC_QUOTA[2]}`",
        )


def _interface_addresses(asked: Question) -> Iterator[Finding]:
    """How many addresses an interface may have depends on the type of its instance."""
    number = asked.config.aws_floating_ips
    for name, key in asked.types.items():
        most = asked.offered.get(name, {}).get("NetworkInfo", {}).get("Ipv4AddressesPerInterface", number + 1) - 1
        if number > most:
            yield Finding(
                "aws_floating_ips",
                f"is {number}, and an interface of {name} ({key}) has up to {most} addresses beside its own; lower it,"
                " or choose a larger type",
            )


def _elastic_ips(asked: Question) -> Iterator[Finding]:
    nodes, each = len(asked.stack.nodes), asked.config.aws_floating_ips
    if not each:
        return
    limit = _quota(asked, ELASTIC_QUOTA)
    if limit is not None:
        there = [tags_of(item) for item in asked.ec2.describe_addresses()["Addresses"]]
        others = sum(tags.get(TAG_STACK) != asked.config.stack_name for tags in there)
        yield from elastic_findings(nodes, each, others, limit, asked.account.region)


def elastic_findings(nodes: int, each: int, others: int, limit: float, region: str) -> Iterator[Finding]:
    """Findings about elastic IPs that the account may not have. Pure.

    each: how many floating IPs a node has; others: how many elastic IPs are not the stack's.
    """
    needed = nodes * (each + 1)
    if needed + others > limit:
        yield Finding(
            "quota",
            f"{nodes} nodes take {needed} elastic IPs, each one of its own and {each} for floating IPs"
            f" (aws_floating_ips), {max(limit - others, 0):g} of {limit:g} are left in {region}; have AWS raise"
            f" `{ELASTIC_QUOTA[2]}`, lower aws_floating_ips or devstack_compute_node, or release others",
        )


def _addresses(asked: Question) -> Iterator[Finding]:
    """The instances of a stack that is there, under names it does not have."""
    states = [{"Name": "instance-state-name", "Values": list(THERE)}]
    tag = [{"Name": f"tag:{TAG_STACK}", "Values": [asked.config.stack_name]}]
    for reservation in paged(asked.ec2, "describe_instances", "Reservations", Filters=[*states, *tag]):
        for instance in reservation["Instances"]:
            if not any(item["Key"] == "romana:node" for item in instance["Tags"]):
                yield Finding(
                    f"instance {instance['InstanceId']}",
                    f"is tagged as of stack {asked.config.stack_name} but as no node; terminate it, or remove the tag",
                )


def _routes(asked: Question) -> Iterator[Finding]:
    if asked.config.aws_routes:
        limit = _quota(asked, ROUTES_QUOTA)
        yield from routes_findings(len(asked.stack.nodes), int(limit or ROUTES), "aws_routes")


_QUESTIONS: tuple[tuple[Callable[[Question], Iterator[Finding]], str], ...] = (
    (_permissions, "asking for permission"),
    (_zones, "looking for availability zones"),
    (_key, "looking for the key pair"),
    (_types, "looking for instance types"),
    (_image, "looking for the image"),
    (_volume_key, "looking for the key that encrypts volumes"),
    (_vcpus, "looking for quotas"),
    (_vpcs, "looking for VPCs"),
    (_interface_addresses, "looking for instance types"),
    (_elastic_ips, "looking for elastic IPs"),
    (_addresses, "looking for instances"),
    (_routes, "looking for the limit of routes"),
)
