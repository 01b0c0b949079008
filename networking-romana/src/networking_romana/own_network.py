"""The segment that a project's own network is: made with the network's subnet, given back with the network.

Everything here may be repeated.
"""

from __future__ import absolute_import

import re

from oslo_log import log as logging

from networking_romana.client import romana
from networking_romana.compat import core_plugin, get_admin_context
from networking_romana.contract import NAME
from networking_romana.errors import RomanaRefused, RomanaUnavailable
from networking_romana.segment import DEFAULT

LOG = logging.getLogger(__name__)

VALID = re.compile(NAME + r"\Z")
LONGEST = 64  # characters of a name
SUFFIX = 8  # characters of a network's id that make a name its own
NAMELESS = "network"


def read(context, network_id):
    """A network, Neutron's dictionary, as those see it with whom it is not shared by name.

    In the transaction of the request, if there is one. Raises NetworkNotFound.
    """
    nobody = context.elevated()
    nobody.tenant_id = None
    return core_plugin().get_network(nobody, network_id)


def has_ports(context, network_id):
    """Whether there are ports on a network, whosever they are. In the transaction of the request."""
    return core_plugin().get_ports_count(context.elevated(), {"network_id": [network_id]}) > 0


def find(network_id):
    """The segment of a network, a dictionary; None when it has none."""
    return next(iter(romana().all_segments(network_id=network_id)), None)


def make(network, tenant):
    """Make the segment of a network, or find it.

    Args:
        network: Neutron's dictionary.
        tenant: the name of its project's tenant.

    Raises RomanaRefused and RomanaUnavailable.
    """
    for name in names(network["id"], network["name"]):
        try:
            return romana().create_segment(tenant, name, network["id"])
        except RomanaRefused as refusal:
            if refusal.code != "conflict":
                raise
            last = refusal
        made = find(network["id"])  # by another process, meanwhile
        if made:
            return made
    raise last


def names(network_id, network_name):
    """The names that a network's segment may have, best first. Pure.

    The network's own, where it is one in Romana; but `default` is for ports on shared networks. Then the same, or
    `network`, with the beginning of the network's id.
    """
    suffix = "-" + network_id[:SUFFIX]
    if not VALID.match(network_name or ""):
        return [NAMELESS + suffix]
    name = str(network_name)
    return [one for one in (name, name[: LONGEST - len(suffix)] + suffix) if one != DEFAULT]


def forget(network_id):
    """Give the segment of a deleted network back, now or later."""
    try:
        for one in romana().all_segments(network_id=network_id):
            _delete(one)
    except RomanaUnavailable as error:
        LOG.warning("The segment of network %s is given back later: %s", network_id, error)


def forget_deleted():
    """Give the segments of all networks back that are not there any more. Raises RomanaUnavailable."""
    segments = [one for one in romana().all_segments() if one["network_id"]]
    # After the segments, each of which was made for a network that was there.
    there = set(one["id"] for one in core_plugin().get_networks(get_admin_context(), fields=["id"]))
    for one in segments:
        if one["network_id"] not in there:
            _delete(one)


def _delete(one):
    """Delete a segment as it was read: another network may have one of that name by now."""
    try:
        romana().delete_segment(one["tenant"], one["name"], one["generation"])
    except RomanaRefused as refusal:
        LOG.warning("Segment %s/%s, whose network is gone, stays: %s", one["tenant"], one["name"], refusal)
