"""What moto's EC2 has, as the VPC and the metadata service are told it."""

from __future__ import annotations

import base64
from typing import Any

from metadata import Told
from moto_elastic import of_card
from vpc import ANYWHERE, Interface, Rule, Vpc

PLUGGED_IN = ("pending", "running", "stopping")


def vpc(backend: Any) -> Vpc:
    """The one VPC that is not the account's default; an empty one while it is not there."""
    found = [each.id for each in backend.vpcs.values() if not each.is_default]
    if not found:
        return Vpc()
    (identity,) = found
    subnets = [each for zone in backend.subnets.values() for each in zone.values() if each.vpc_id == identity]
    (table,) = (each for each in backend.route_tables.values() if each.vpc_id == identity and each.main_association_id)
    return Vpc(
        tuple(sorted(subnet.cidr_block for subnet in subnets)),
        tuple(interface(each) for each in backend.all_instances() if each.vpc_id == identity and is_plugged_in(each)),
        {route.destination_cidr_block: route.interface.private_ip_address for route in table.routes if route.interface},
        any(route.destination_cidr_block == ANYWHERE and route.gateway for route in table.routes),
    )


def is_plugged_in(instance: Any) -> bool:
    """Whether an instance has a place in the network; one that is stopped has its address only."""
    return instance.state in PLUGGED_IN


def interface(instance: Any) -> Interface:
    """The one interface of an instance."""
    card = instance.nics[0]
    return Interface(
        identity=card.id,
        mac=card.mac_address,
        address=card.private_ip_address,
        public=card.public_ip or "",
        more=tuple((address, of_card(card).get(address, "")) for address in others(card)),
        subnet=card.subnet.cidr_block,
        checked=instance.source_dest_check not in (False, "false"),
        rules=tuple(
            rule(each) for group in card.group_set for each in group.ingress_rules if "CidrIp" in each.ip_range
        ),
    )


def others(card: Any) -> list[str]:
    """The addresses of an interface beside its primary one."""
    every = [each["PrivateIpAddress"] for each in card.private_ip_addresses]
    return [address for address in every if address != card.private_ip_address]


def rule(found: Any) -> Rule:
    """One rule of a security group."""
    return Rule(found.ip_protocol, found.from_port or 0, found.to_port or 0, found.ip_range["CidrIp"])


def told(backend: Any, instance: Any) -> Told:
    """What an instance is told of itself."""
    card = instance.nics[0]
    pair = backend.key_pairs.get(instance.key_name)
    return Told(
        instance=instance.id,
        image=instance.image_id,
        type=instance.instance_type,
        zone=instance.availability_zone,
        address=card.private_ip_address,
        others=others(card),
        public=card.public_ip or "",
        mac=card.mac_address,
        interface=card.id,
        subnet=card.subnet.cidr_block,
        user_data=base64.b64decode(str(instance.user_data or "")),
        keys={pair.key_name: text(pair.material_public).strip()} if pair else {},
        hops=instance.metadata_options.http_put_response_hop_limit,
    )


def text(material: str | bytes) -> str:
    """As moto keeps it, in either way."""
    return material.decode() if isinstance(material, bytes) else material
