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
