"""What a subnet of Neutron's has to look like: each is the whole address plan."""

from __future__ import absolute_import

import netaddr

from networking_romana.compat import NOT_SPECIFIED
from networking_romana.errors import RomanaInvalid

IPV4 = 4
SEGMENT = "segment_id"


def check_segment(subnet):
    """Refuse a subnet that is only for the hosts of a segment of Neutron's. Raises RomanaInvalid."""
    if subnet.get(SEGMENT):
        raise RomanaInvalid(
            reason="the subnet cannot be of a network segment of Neutron's: it has the addresses of all hosts; leave"
            " --network-segment out"
        )


def without_gateway(subnet):
    """Let a subnet whose gateway nobody named have none: Neutron would give it the plan's first address."""
    if subnet.get("gateway_ip") is NOT_SPECIFIED:
        subnet["gateway_ip"] = None


def gateway(plan):
    """What a subnet may name as its gateway, a netaddr.IPAddress: Neutron's own choice, which stands for each host."""
    return netaddr.IPAddress(plan.first + 1)


def pool(plan, named):
    """The addresses of the plan that Neutron's pool of a subnet has beside its gateway, a netaddr.IPRange.

    named: whether the subnet names a gateway.
    """
    return netaddr.IPRange(plan.first + (2 if named else 1), plan.last - 1)


def check_pool(prefixes, plan):
    """Refuse a subnet pool that does not have the address plan. Raises RomanaInvalid."""
    if plan not in netaddr.IPSet(prefixes):
        raise _not_the_plan("a pool of {}".format(", ".join(map(str, prefixes))), plan)


def check_length(length, plan):
    """Refuse a part of a pool. Raises RomanaInvalid."""
    if length != plan.prefixlen:
        raise _not_the_plan("length /{}".format(length), plan)


def check(wanted, plan):
    """Refuse a subnet that Romana cannot serve.

    Args:
        wanted: neutron.ipam.requests.SpecificSubnetRequest.
        plan: netaddr.IPNetwork, the whole address plan.

    Raises RomanaInvalid.
    """
    if wanted.subnet_cidr != plan:
        raise _not_the_plan(wanted.subnet_cidr, plan)
    if wanted.gateway_ip not in (None, gateway(plan)):
        raise RomanaInvalid(
            reason="the gateway {} is not possible: each host is the gateway of its instances and says so by DHCP;"
            " leave it out, or give {}, which stands for each host".format(wanted.gateway_ip, gateway(plan))
        )
    everything = [pool(plan, False), pool(plan, True), netaddr.IPRange(plan.first, plan.last)]
    if wanted.allocation_pools and wanted.allocation_pools not in [[one] for one in everything]:
        raise RomanaInvalid(
            reason="the subnet must have no allocation pools of its own: a port's address follows from its host,"
            " project and segment"
        )


def check_external(wanted, plan, others, hosts):
    """Refuse a subnet of an external network that cannot be beside what there is. Pure.

    Args:
        wanted: neutron.ipam.requests.SpecificSubnetRequest.
        plan: the whole address plan, a str.
        others: the ranges of the other external networks, of str.
        hosts: dict from hosts' addresses, of str, to their names.

    Raises RomanaInvalid.
    """
    if wanted.subnet_cidr.version != IPV4:
        raise RomanaInvalid(
            reason="an external network has IPv4 alone, not {}: guests have no IPv6".format(wanted.subnet_cidr)
        )
    if wanted.subnet_cidr in netaddr.IPNetwork(plan) or netaddr.IPNetwork(plan) in wanted.subnet_cidr:
        raise RomanaInvalid(
            reason="the subnet {} of an external network overlaps Romana's address plan {}; give the range of a network"
            " outside".format(wanted.subnet_cidr, plan)
        )
    for other in map(netaddr.IPNetwork, others):
        if other in wanted.subnet_cidr or wanted.subnet_cidr in other:
            raise RomanaInvalid(
                reason="the subnet {} overlaps {} of another external network, and an address has one place; give"
                " another range".format(wanted.subnet_cidr, other)
            )
    for address in sorted(hosts, key=netaddr.IPAddress):
        if any(netaddr.IPAddress(address) in pool for pool in wanted.allocation_pools or []):
            raise RomanaInvalid(
                reason="{} is the address of host {}; give allocation pools with addresses that nobody has"
                " (--allocation-pool start=...,end=...)".format(address, hosts[address])
            )


def _not_the_plan(what, plan):
    return RomanaInvalid(
        reason="a subnet of {} is not possible: each is Romana's whole address plan; take it from the default subnet"
        " pool (--use-default-subnet-pool), or give it as range (--subnet-range {})".format(what, plan)
    )
