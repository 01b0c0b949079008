"""Which status a port has in Neutron, from what is known of its endpoint. Pure."""

from __future__ import absolute_import

from networking_romana.port import ACTIVE, DOWN, TAP


def at_once(port, endpoint):
    """The status that follows from news of a port's endpoint; None when the port stays as it is.

    An endpoint that is pending again makes no difference here: a tap goes and comes back within a second or two when an
    instance is rebooted, and as long as a port's status does not flap nobody has to know.
    """
    if not _serves(endpoint, port):
        return None
    if not port.admin_state_up:
        return None if port.status == DOWN else DOWN
    wanted = {"active": ACTIVE, "error": DOWN}.get(endpoint["status"])
    return None if wanted == port.status else wanted


def in_the_end(port, endpoints):
    """The status that a port has to have when nothing is on its way any more; None when it has it.

    Args:
        port: a Port.
        endpoints: all endpoints of that port.
    """
    if port.vif_type != TAP:
        return None  # Neutron's own business
    in_place = port.admin_state_up and any(_serves(one, port) and one["status"] == "active" for one in endpoints)
    wanted = ACTIVE if in_place else DOWN
    return None if wanted == port.status else wanted


def _serves(endpoint, port):
    bound = port.vif_type == TAP and endpoint["host"] == port.host
    return bound and endpoint["address"] in port.addresses
