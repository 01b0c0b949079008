"""The address of a router's interface on a project's own network.

No packet ever goes there: hosts route. But Neutron wants one, and a user is to see one. It is one that no endpoint
gets: of the segment that the network is, on host number 0, with a number before those that are given to endpoints.
"""

from __future__ import absolute_import

import netaddr

from networking_romana import place as places
from networking_romana.client import romana
from networking_romana.compat import core_plugin
from networking_romana.errors import RomanaInvalid, RomanaRefused

NUMBERS = (1, 2)  # romana-server gives endpoints 3 and more


def allocate(context, network_id):
    """An address for one more router on a network, a str.

    Neutron's transaction is open: who has taken the same one at the same time makes it be repeated.

    Raises RomanaRefused (each is taken), RomanaInvalid (the network is no segment) and RomanaUnavailable.
    """
    place = places.of_network(context, network_id)
    if place is None:
        raise shared()
    possible = addresses(romana().plan(), romana().tenant(place.tenant), romana().segment(place.tenant, place.segment))
    for address in possible:
        if not _taken(context, network_id, address):
            return address
    raise RomanaRefused(
        "a network is in {} routers at most, and this one is; take it out of one, or add all networks to the same"
        " router".format(len(possible))
    )


def addresses(plan, tenant, segment):
    """The addresses of routers in a segment, of str. Pure.

    Args: plan, tenant, segment: romana-server's dictionaries.
    """
    base = netaddr.IPNetwork(plan["cidr"]).first
    in_tenant = tenant["number"] << plan["segment_bits"] | segment["number"]
    return [str(netaddr.IPAddress(base | in_tenant << plan["endpoint_bits"] | number)) for number in NUMBERS]


def shared():
    """Why a network that everybody shares is in no router, a RomanaInvalid."""
    return RomanaInvalid(
        reason="a network that everybody shares is in no router: each project has segments of its own there, and"
        " policies join those (romana policy create); take a network of the project's own"
    )


def _taken(context, network_id, address):
    there = {"network_id": [network_id], "fixed_ips": {"ip_address": [address]}}
    return bool(core_plugin().get_ports(context.elevated(), there, fields=["id"]))
