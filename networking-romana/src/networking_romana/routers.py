"""Routers: how what Neutron knows of them gets to romana-server.

A router joins the segments that its networks are, and with a gateway it lets them outside. It is put there as a whole
whenever it changes. Everything may be repeated. What romana-server does not hear of now, because it does not answer,
the follower makes good.
"""

from __future__ import absolute_import

import collections

from oslo_log import log as logging

from networking_romana import place as places
from networking_romana import port as ports
from networking_romana.client import romana
from networking_romana.compat import core_plugin, exceptions, get_admin_context, router_plugin
from networking_romana.errors import RomanaInvalid, RomanaRefused, RomanaUnavailable
from networking_romana.settle import settle
from networking_romana.strays import NEUTRON_ID

LOG = logging.getLogger(__name__)

# document: a router in the words of romana-server's API.
# statuses: (port's id, status) of those of its ports that have another.
Router = collections.namedtuple("Router", ["document", "statuses"])


def keep(identifier):
    """Have romana-server know a router as Neutron does, now or later."""
    try:
        bring(identifier)
    except (RomanaUnavailable, RomanaRefused, RomanaInvalid) as error:
        LOG.warning("Router %s is kept in step later: %s", identifier, error)


def bring(identifier):
    """Have romana-server know a router as Neutron does, and the router's ports be what they are then.

    Raises RomanaInvalid, RomanaRefused and RomanaUnavailable.
    """

    def tell(found):
        if found is None:
            romana().delete_router(identifier)
        else:
            romana().put_router(identifier, found.document)

    told = settle(lambda: _read(identifier), tell)
    if told is not None:
        _set(told.statuses)


def synchronize():
    """Have romana-server know all routers as Neutron does. Raises RomanaUnavailable.

    A router whose id is none of Neutron's is others' business.
    """
    if router_plugin() is None:
        return
    there = dict((router["id"], router) for router in romana().routers() if NEUTRON_ID.match(router["id"]))
    known = [router["id"] for router in router_plugin().get_routers(get_admin_context(), fields=["id"])]
    segments = dict((one["network_id"], places.Place(one["tenant"], one["name"])) for one in romana().all_segments())

    def place_of(network_id):
        return segments.get(network_id) or _place(network_id)

    for identifier in sorted(set(there) | set(known)):
        try:
            found = _read(identifier, place_of)
            if found is None or not _is_as(there.get(identifier), found.document):
                bring(identifier)
            else:
                _set(found.statuses)
        except (RomanaRefused, RomanaInvalid) as error:
            LOG.error("Router %s is not kept in step: %s", identifier, error)


def is_up(identifier):
    """Whether a router is there and is not set down."""
    router = _router(identifier)
    return router is not None and router["admin_state_up"]


def all_up():
    """The ids of the routers that are there and not set down."""
    those = router_plugin().get_routers(get_admin_context(), fields=["id", "admin_state_up"])
    return set(router["id"] for router in those if router["admin_state_up"])


def _router(identifier):
    try:
        return router_plugin().get_router(get_admin_context(), identifier)
    except exceptions.NotFound:
        return None


def _place(network_id):
    """The Place of a network's ports, made if need be; None for one that is no segment, or is gone."""
    try:
        return places.of_network(get_admin_context(), network_id)
    except exceptions.NetworkNotFound:
        return None


def _read(identifier, place_of=_place):
    """A Router as Neutron says now; None when Neutron has none of that id."""
    router = _router(identifier)
    if router is None:
        return None
    up, attached = router["admin_state_up"], _attached(identifier)
    networks = set(port["network_id"] for port in attached if port["id"] != router["gw_port_id"])
    document = {
        "name": router["name"],
        "project_id": router["tenant_id"] or None,
        "segments": _segments(networks, place_of) if up else [],
        "outside": bool(up and _has_way_outside(router)),
    }
    return Router(document, _statuses(attached))


def _has_way_outside(router):
    """Whether a router's gateway has an address, which administrators alone provide for.

    Whoever owns a network may be able to make it external, but not to make a subnet of it.
    """
    return bool((router["external_gateway_info"] or {}).get("external_fixed_ips"))


def _segments(networks, place_of):
    """The segments that networks are, by the networks' ids."""
    return sorted((dict(place._asdict()) for place in map(place_of, networks) if place is not None), key=_names)


def _attached(identifier):
    """A router's ports, its gateway too: by the router's own word, as ports may say anything of themselves."""
    return router_plugin()._get_sync_interfaces(
        get_admin_context(), [identifier], [ports.ROUTER_INTERFACE, ports.ROUTER_GATEWAY]
    )


def _statuses(attached):
    """Its ports are ACTIVE, as no host has to do anything for them."""
    wanted = ((port, ports.ACTIVE if port["admin_state_up"] else ports.DOWN) for port in attached)
    return [(port["id"], status) for port, status in wanted if port["status"] != status]


def _set(statuses):
    for port_id, status in statuses:
        core_plugin().update_port_status(get_admin_context(), port_id, status, "")


def _is_as(router, wanted):
    if router is None:
        return False
    said = dict((key, router[key]) for key in wanted)
    return dict(said, segments=sorted(said["segments"], key=_names)) == wanted


def _names(segment):
    return segment["tenant"], segment["segment"]
