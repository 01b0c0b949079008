"""What a network of Neutron's can be under Romana: a name for what hosts route."""

from __future__ import absolute_import

from networking_romana.errors import RomanaInvalid

EXTERNAL = "router:external"
LOCAL = "local"
TYPE = "network_type"


def check_external(network):
    """Refuse an external network. Raises RomanaInvalid."""
    if network.get(EXTERNAL) is True:
        raise RomanaInvalid(
            reason="a network cannot be external: there are no routers and no floating addresses, hosts route; leave"
            " --external out"
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
