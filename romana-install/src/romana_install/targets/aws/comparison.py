"""What an installation would make, change and remove on AWS. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from romana_install.config.settings import Config
from romana_install.state.stack import Node, Stack
from romana_install.targets.aws.network import floating_ips, instance_type, subnet_of, subnets
from romana_install.targets.aws.resources import NO_KEEPING, Found, Instance

ADD, KEEP, CHANGE, REMOVE = "add", "keep", "change", "remove"


@dataclass(frozen=True)
class Planned:
    """One thing and what becomes of it."""

    change: str
    kind: str
    name: str
    detail: str = ""


def planned(config: Config, stack: Stack, found: Found, dropped: Iterable[tuple[str, str]]) -> list[Planned]:
    """All of it, in the order in which it is made.

    found: what is there; nothing when AWS could not be asked; dropped: tags, key and value, that are to go.
    """
    return [
        *_network(config, stack, found),
        *_instances(config, stack, found),
        *_elastic_ips(config, stack, found),
        *_tags(config, found, dropped),
    ]


def _network(config: Config, stack: Stack, found: Found) -> Iterator[Planned]:
    def one(kind: str, name: str, detail: str = "", of: str = "") -> Planned:
        return Planned(KEEP if found.of(of or kind) else ADD, kind, name, detail)

    name = f"romana-{stack.name}"
    yield one("VPC", name, config.aws_network)
    yield one("internet gateway", name)
    has = {item.name for item in found.of("subnet")}
    for part in subnets(config):
        text = str(part.network)
        yield Planned(
            KEEP if text in has else ADD, "subnet", text, part.zone or "zone: the first that has the instance types"
        )
    routes = f", {len(stack.nodes)} to the hosts' prefixes" if config.aws_routes else ""
    yield one("route table", name, f"1 route to the internet{routes}", of="VPC")  # the one that it comes with
    allowed = ", ".join(config.aws_allowed_cidrs) or "this machine (public address)"
    yield one("security group", name, f"from {allowed}")
    if not config.aws_key_name:
        yield one("key pair", name)


def _instances(config: Config, stack: Stack, found: Found) -> Iterator[Planned]:
    there = found.instances
    for node in stack.nodes:
        detail = f"{node.address}, {instance_type(config, node)}, {config.aws_volume_size} GiB"
        zone = subnet_of(config, node.index).zone
        detail += f", {zone}" if zone else ""
        if node.name in there:
            yield _existing(config, node, there[node.name])
        else:
            yield Planned(ADD, "instance", node.name, detail)
    names = {node.name for node in stack.nodes}
    for name, instance in there.items():
        if name not in names:
            yield Planned(REMOVE, "instance", name, f"{instance.address}, {instance.type}, with its volume")


def _existing(config: Config, node: Node, instance: Instance) -> Planned:
    wanted = instance_type(config, node)
    news = []
    if instance.type != wanted:
        news.append(f"type {instance.type} -> {wanted}")
    if config.aws_image and instance.image != config.aws_image and not node.controller:  # which has the databases
        news.append(f"image {instance.image} -> {config.aws_image}: made again, what is on it is lost")
    if not news:
        return Planned(KEEP, "instance", node.name, f"{instance.address}, {instance.type}, {instance.state}")
    if config.aws_replace_changed:
        return Planned(CHANGE, "instance", node.name, "; ".join(news))
    return Planned(KEEP, "instance", node.name, f"{'; '.join(news)}: only with -e aws_replace_changed=true")


def _elastic_ips(config: Config, stack: Stack, found: Found) -> Iterator[Planned]:
    """By the addresses that they are for."""
    there = {(item.node, item.address): item for item in found.elastic_ips}
    wanted = {
        (node.name, address): what
        for node in stack.nodes
        if config.aws_floating_ips
        for address, what in (
            (node.address, f"{node.name}'s own"),
            *((str(one), f"floating IP of {node.name}") for one in floating_ips(config, node.index)),
        )
    }
    for place, what in wanted.items():
        detail = f"{what}, {there[place].name}" if place in there else what
        yield Planned(KEEP if place in there else ADD, "elastic IP", place[1], detail)
    for place, item in there.items():
        if place not in wanted:
            yield Planned(REMOVE, "elastic IP", item.address or item.name, f"of {item.node}, {item.name}")


def _tags(config: Config, found: Found, dropped: Iterable[tuple[str, str]]) -> Iterator[Planned]:
    things = [item.tags for item in found.resources if item.state not in NO_KEEPING]
    for key, value in config.aws_tags.items():
        others = [tags.get(key) for tags in things if tags.get(key) != value]
        replaced = sorted({other for other in others if other is not None})
        was = f"{', '.join(replaced)} -> " if replaced else ""
        where = f", on {len(others)} of {len(things)} that are there" if others else ""
        change = CHANGE if replaced else ADD if others or not things else KEEP
        yield Planned(change, "tag", key, f"{was}{value}{where}")
    for key, value in dropped:
        having = sum(tags.get(key) == value for tags in things)
        if having:
            yield Planned(REMOVE, "tag", key, f"{value}, from {having} of {len(things)} that are there")
