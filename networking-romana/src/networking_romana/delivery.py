"""Floating IPs that the network delivers to one host only: they get to ports of that host, and to no others.

romana-server knows which these are, and would refuse them elsewhere. It is asked before Neutron does anything, so that
what is refused leaves no trace: the question may take time, and is none for a transaction.
"""

from __future__ import absolute_import

import netaddr

from networking_romana import port as ports
from networking_romana.client import romana
from networking_romana.compat import NOT_SPECIFIED, FloatingIP, IpAddressAlreadyAllocated, core_plugin
from networking_romana.errors import RomanaRefused


def check(context, identifier, port_id):
    """Refuse to let a floating IP, or a port of it, lead to a port where it is not delivered.

    What is not there is Neutron's to refuse, and a port without a host is not known to be at the wrong one.

    Args:
        context: Neutron's, of the request.
        identifier: the floating IP's id.
        port_id: the port's id.

    Raises RomanaRefused and RomanaUnavailable.
    """
    floating = FloatingIP.get_object(context, id=identifier)
    if floating is not None:
        _check(str(floating.floating_ip_address), _port(context, port_id))


def make(context, wanted, make_it):
    """Make a floating IP that is delivered to its port's host, if it is for a port; one of the host's, if it has any.

    Args:
        context: Neutron's, of the request.
        wanted: Neutron's dictionary of what is to be made.
        make_it: function that makes it of such a dictionary, and returns it.

    Raises RomanaRefused (the chosen one is delivered elsewhere, or the host has none free), RomanaUnavailable, and what
    the function raises.
    """
    if not wanted.get("port_id"):
        return make_it(wanted)
    port = _port(context, wanted["port_id"])
    if wanted.get("floating_ip_address") not in (None, NOT_SPECIFIED):
        _check(wanted["floating_ip_address"], port)
        return make_it(wanted)
    pools = _pools(context, wanted)
    those = dict((host, _within(pools, found)) for host, found in _delivered(port).items())
    if not any(those.values()):
        return make_it(wanted)  # all of the network's reach all hosts
    for address in _unused(context, wanted["floating_network_id"], those.get(port.host, [])):
        try:
            return make_it(dict(wanted, floating_ip_address=address))
        except IpAddressAlreadyAllocated:
            continue  # another request was faster
    raise RomanaRefused(
        "this network's floating IPs are delivered to one host each, and host {}, where port {} is, has none free;"
        " delete one there that is not needed".format(port.host, port.id)
    )


def _port(context, port_id):
    return ports.read(core_plugin().get_port(context, port_id))


def _check(address, port):
    delivered = _delivered(port)
    for host in sorted(delivered):
        if address in delivered[host] and host != port.host:
            raise RomanaRefused(
                "floating IP {} is delivered to host {} only, and port {} is on {}, {}".format(
                    address, host, port.id, port.host, _advice(delivered[port.host], port)
                )
            )


def _advice(there, port):
    if there:
        return "which has others: openstack floating ip create --port {} NETWORK".format(port.id)
    return "to which none is delivered; give it to an instance on its own host"


def _delivered(port):
    """What is delivered to one host only, by the host's name; nothing where the port has no host."""
    if not port.host:
        return {}
    found = dict((host["name"], host.get("floating_ips", [])) for host in romana().hosts())  # none: an older server
    found.setdefault(port.host, [])
    return found


def _pools(context, wanted):
    """The ranges of addresses that the floating IP may be from."""
    subnets = core_plugin().get_subnets_by_network(context.elevated(), wanted["floating_network_id"])
    chosen = wanted.get("subnet_id")
    return [
        netaddr.IPRange(pool["start"], pool["end"])
        for subnet in subnets
        if chosen in (None, NOT_SPECIFIED, subnet["id"])
        for pool in subnet["allocation_pools"]
    ]


def _within(pools, addresses):
    return [one for one in addresses if any(netaddr.IPAddress(one) in pool for pool in pools)]


def _unused(context, network_id, addresses):
    """Those of some addresses that no port of a network has, in their order."""
    if not addresses:
        return []
    filters = {"network_id": [network_id], "fixed_ips": {"ip_address": addresses}}
    found = core_plugin().get_ports(context.elevated(), filters)
    used = set(fixed["ip_address"] for one in found for fixed in one["fixed_ips"])
    return [one for one in addresses if one not in used]
