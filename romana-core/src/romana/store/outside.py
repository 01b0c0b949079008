"""Addresses outside the plan: which of them hosts and floating IPs can have."""

from __future__ import annotations

from ipaddress import IPv4Address

from sqlalchemy import Connection, select

from romana.addressing import AddressPlan
from romana.store.errors import InvalidError
from romana.store.schema import hosts

# First bytes of addresses that no host has: this network and loopback (RFC 6890), and from where on there is multicast.
NOBODYS, MULTICAST = (0, 127), 224
OWN_NETWORK = "give the host's address in its own network"
LEADS_TO_HOSTS = "give an address of a network outside that leads to the hosts"


def check_host_address(plan: AddressPlan, address: IPv4Address) -> None:
    """Raises InvalidError when it cannot be a host's own address."""
    _check(plan, address, OWN_NETWORK)


def check_floating_ip(plan: AddressPlan, address: IPv4Address) -> None:
    """Raises InvalidError when it cannot be a floating IP."""
    _check(plan, address, LEADS_TO_HOSTS)
    if address.is_link_local:
        raise InvalidError(f"{address} is link-local: no router passes it on; {LEADS_TO_HOSTS}")


def check_no_host(connection: Connection, *addresses: IPv4Address) -> None:
    """Raises InvalidError when one of these, which are to be floating IPs, is a host's own address."""
    those = [int(address) for address in addresses]
    statement = select(hosts.c.address, hosts.c.name).where(hosts.c.address.in_(those)).order_by(hosts.c.address)
    row = connection.execute(statement).first()
    if row is not None:
        raise InvalidError(
            f"{IPv4Address(row.address)} is the address of host {row.name}; give one that nobody has", host=row.name
        )


def _check(plan: AddressPlan, address: IPv4Address, fix: str) -> None:
    if address in plan.network:
        raise InvalidError(f"{address} lies inside the address plan {plan.cidr}; {fix}")
    if address.packed[0] in NOBODYS or address.packed[0] >= MULTICAST:
        raise InvalidError(f"{address} is no address that others can reach; {fix}")
