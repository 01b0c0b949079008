"""Elastic IPs as EC2 has them, where moto has them otherwise: at one of several addresses of an interface.

Of an interface, moto knows one public address, which each elastic IP replaces. What EC2 documents and this adds:

- An elastic IP leads to the address that it is associated with, the primary one or another.
- An instance that is stopped and started keeps what elastic IPs it has. For its own address it gets a new public one,
  but not when another of its addresses has an elastic IP.
- An elastic IP whose interface is gone leads nowhere.
"""

from __future__ import annotations

from typing import Any

from moto.ec2.models import elastic_ip_addresses
from moto.ec2.models.elastic_ip_addresses import ElasticAddress
from moto.ec2.models.elastic_network_interfaces import NetworkInterface
from moto.ec2.utils import random_public_ip


def leads_to(elastic: Any) -> str | None:
    """The private address that it is associated with."""
    return (getattr(elastic, "leads_to", "") or elastic.eni.private_ip_address) if elastic.eni else None


def of_card(card: Any) -> dict[str, str]:
    """The elastic IPs of an interface, by its private addresses."""
    return {leads_to(each) or "": each.public_ip for each in card.ec2_backend.addresses if each.eni is card}


def stop(card: Any) -> None:
    """It loses what public address it was given at its start."""
    card.public_ip = of_card(card).get(card.private_ip_address)


def start(card: Any) -> None:
    """It gets a public address, unless it has one, or what keeps it from getting one."""
    if not of_card(card):
        card.check_auto_public_ip()


def delete(card: Any) -> None:
    """What leads to it leads nowhere from then on."""
    for each in card.ec2_backend.addresses:
        if each.eni is card:
            each.eni = each.instance = each.association_id = None
    card.ec2_backend.delete_network_interface(eni_id=card.id)
    card.subnet.del_subnet_ip(card.private_ip_address)


def associated(backend: Any, parameters: dict[str, str], public: str | None) -> None:
    """Complete what AssociateAddress has done. public: the interface's public address before."""
    (elastic,) = backend.address_by_allocation([parameters["AllocationId"]])
    elastic.leads_to = parameters.get("PrivateIpAddress", "")
    if leads_to(elastic) != elastic.eni.private_ip_address:
        elastic.eni.public_ip = public


class Before:
    """What an interface has before a call about one of its elastic IPs, which moto would have it lose."""

    def __init__(self, backend: Any, action: str, parameters: dict[str, str]) -> None:
        self.backend, self.action, self.parameters = backend, action, parameters
        self.card: Any = None
        self.public: str | None = None
        if action == "AssociateAddress":
            self.card = backend.enis.get(parameters.get("NetworkInterfaceId", ""))
        elif action in ("DisassociateAddress", "ReleaseAddress"):
            named = {parameters.get("AssociationId"), parameters.get("AllocationId")} - {None}
            # Of the primary address moto's way is right.
            self.card = next(
                (
                    each.eni
                    for each in backend.addresses
                    if {each.association_id, each.allocation_id} & named
                    and each.eni
                    and leads_to(each) != each.eni.private_ip_address
                ),
                None,
            )
        if self.card is not None:
            self.public = self.card.public_ip

    def restore(self) -> None:
        """After the call."""
        if self.card is None:
            return
        if self.action == "AssociateAddress":
            associated(self.backend, self.parameters, self.public)
        else:
            self.card.public_ip = self.public


def install() -> None:
    """Have moto's classes be so."""
    elastic_ip_addresses.random_ip = random_public_ip  # moto's own are of loopback
    ElasticAddress.private_ip_address = property(leads_to)
    NetworkInterface.stop, NetworkInterface.start, NetworkInterface.delete = stop, start, delete
