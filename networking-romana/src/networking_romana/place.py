"""Where a port is to be: tenant and segment of its endpoint.

On a network that everybody shares, a port is in the tenant of its own project, in the segment that somebody chose. Each
other network is a segment itself, of the tenant of the network's project.
"""

from __future__ import absolute_import

import collections

from networking_romana import cloud, own_network, segment, tenant
from networking_romana.client import romana
from networking_romana.errors import RomanaInvalid

Place = collections.namedtuple("Place", ["tenant", "segment"])  # segment: None when nobody chose one


def of_port(context, port):
    """The Place of a port.

    Args:
        context: Neutron's, of the request.
        port: a Port.

    Raises RomanaInvalid (what was chosen is no name, or is not on this network), RomanaRefused and RomanaUnavailable.
    """
    own = of_network(context, port.network_id)
    if own is None:
        return Place(_tenant(context, port.project_id), segment.chosen(port, _ask_metadata()))
    chosen = segment.chosen(port, _nobody)  # the metadata of an instance are for its port on a shared network
    if chosen not in (None, own.segment):
        raise RomanaInvalid(
            reason="ports of this network are in its own segment {}, not in {}; take the port's choice away, or make"
            " it on a shared network".format(own.segment, chosen)
        )
    return own


def of_network(context, network_id):
    """The Place of all ports of a network, which is made if need be; None for a network that everybody shares.

    One that has a segment keeps it, whoever shares it later. Raises RomanaRefused and RomanaUnavailable.
    """
    found = own_network.find(network_id)
    if found is None:
        network = own_network.read(context, network_id)
        if network["shared"]:
            return None
        found = own_network.make(network, _tenant(context, network["tenant_id"]))
    return Place(found["tenant"], found["name"])


def _tenant(context, project_id):
    """The name of a project's tenant."""

    def name():
        if context.project_id == project_id and context.project_name:
            return context.project_name
        project = cloud.project(project_id) if cloud.can_be_asked() else None
        return project and project["name"]

    return tenant.of_project(romana(), project_id, name)


def _ask_metadata():
    return cloud.instance_metadata if cloud.can_be_asked() else _nobody


def _nobody(_instance):
    return None
