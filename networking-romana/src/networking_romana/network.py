"""What a network of Neutron's can be under Romana: a name for what hosts route."""

from __future__ import absolute_import

from networking_romana.errors import RomanaInvalid

EXTERNAL = "router:external"
EXTERNAL_OWNERS = ("network:router_gateway", "network:floatingip")  # of ports on external networks
LOCAL = "local"
TYPE = "network_type"


def check_external(network, offered):
    """Refuse an external network where there are no routers. Raises RomanaInvalid.

    offered: whether Neutron has our routers.
    """
    if network.get(EXTERNAL) is True and not offered:
        raise RomanaInvalid(
            reason="a network cannot be external: there are no routers and no floating IPs here; leave --external out,"
            " or have Neutron load the service plugin romana_l3"
        )


def check_change_to_external(before, after, in_use):
    """Refuse to make a network external, or to end that, while it has ports or subnets. Raises RomanaInvalid.

    before, after: Neutron's dictionaries; in_use: asked only where it matters.
    """
    if bool(after.get(EXTERNAL)) != bool(before.get(EXTERNAL)) and in_use():
        raise RomanaInvalid(
            reason="a network with subnets or ports stays external, or not: the addresses of both kinds are not the"
            " same; delete them first, or make another network"
        )


def check_external_port(network, device_owner):
    """Refuse a port on an external network, unless it is a router's gateway or a floating IP. Raises RomanaInvalid."""
    if network.get(EXTERNAL) and device_owner not in EXTERNAL_OWNERS:
        raise RomanaInvalid(
            reason="a port on an external network is not possible: no instance is there; make it on a network of the"
            " project, and give it a floating IP (openstack floating ip create)"
        )


def check_sharing(before, after, has_ports):
    """Refuse to share a network that has ports with everybody, or no longer. Raises RomanaInvalid.

    before, after: Neutron's dictionaries; has_ports: asked only where it matters.
    """
    if after["shared"] != before["shared"] and has_ports():
        raise RomanaInvalid(
            reason="a network that has ports stays shared with everybody, or not: it would put its ports into other"
            " segments; delete the ports first, or make another network"
        )


def check_type(segments):
    """Refuse a network of anything but hosts' routes; `segments` is what its provider attributes say.

    Raises RomanaInvalid.
    """
    for one in segments:
        if one[TYPE] != LOCAL:
            raise RomanaInvalid(
                reason="a network of type {} is not possible: hosts route, and know no physical networks, VLANs or"
                " tunnels; leave the provider attributes out".format(one[TYPE])
            )
