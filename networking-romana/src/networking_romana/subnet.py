"""What Neutron's one subnet of the Romana network has to look like."""

from __future__ import absolute_import

import netaddr

from networking_romana.errors import RomanaInvalid


def check(wanted, plan_cidr, others):
    """Refuse a subnet that Romana cannot serve.

    Args:
        wanted: neutron.ipam.requests.SpecificSubnetRequest.
        plan_cidr: str, the whole address plan.
        others: ids of the subnets there are beside it.

    Raises RomanaInvalid.
    """
    plan = netaddr.IPNetwork(plan_cidr)
    if wanted.subnet_cidr != plan:
        raise RomanaInvalid(
            reason="the subnet must be the whole address plan of Romana, {}, not {}".format(plan, wanted.subnet_cidr)
        )
    if others:
        raise RomanaInvalid(
            reason="subnet {} has all of Romana's addresses; there can be no second one: give projects segments"
            " instead".format(others[0])
        )
    if wanted.gateway_ip is not None:
        raise RomanaInvalid(
            reason="the subnet must have no gateway: each host is the gateway of its instances and says so by DHCP"
        )
    pools = [(pool.first, pool.last) for pool in wanted.allocation_pools or []]
    if pools not in ([], [(plan.first + 1, plan.last - 1)], [(plan.first, plan.last)]):
        raise RomanaInvalid(
            reason="the subnet must have no allocation pools of its own: a port's address follows from its host,"
            " project and segment"
        )
