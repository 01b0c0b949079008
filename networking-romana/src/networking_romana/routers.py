"""Routers: how what Neutron knows of them gets to romana-server.

A router joins the segments that its networks are, and with a gateway it lets them outside. It is put there as a whole
whenever it changes. Everything may be repeated. What romana-server does not hear of now, because it does not answer,
the follower makes good.
"""

from __future__ import absolute_import

from oslo_log import log as logging

from networking_romana import place as places
from networking_romana import port as ports
from networking_romana.client import romana
from networking_romana.compat import core_plugin, exceptions, get_admin_context, router_plugin
from networking_romana.errors import RomanaInvalid, RomanaRefused, RomanaUnavailable
from networking_romana.settle import settle
from networking_romana.strays import NEUTRON_ID

LOG = logging.getLogger(__name__)


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

    def tell(wanted):
        if wanted is None:
            romana().delete_router(identifier)
        else:
            romana().put_router(identifier, wanted)

    if settle(lambda: _document(identifier), tell) is not None:
        _set_status(identifier)


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
            if not _is_as(there.get(identifier), _document(identifier, place_of)):
                bring(identifier)
            else:
                _set_status(identifier)
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


def _document(identifier, place_of=_place):
    """A router in the words of romana-server's API; None when Neutron has none of that id."""
    router = _router(identifier)
    if router is None:
        return None
    up = router["admin_state_up"]
    return {
        "name": router["name"],
        "project_id": router["tenant_id"] or None,
        "segments": _segments(identifier, place_of) if up else [],
        "outside": bool(up and _has_way_outside(router)),
    }


def _has_way_outside(router):
    """Whether a router's gateway has an address, which administrators alone provide for.

    Whoever owns a network may be able to make it external, but not to make a subnet of it.
    """
    return bool((router["external_gateway_info"] or {}).get("external_fixed_ips"))


def _segments(identifier, place_of):
    """The segments that the networks of a router are."""
    found = map(place_of, set(port["network_id"] for port in _interfaces(identifier)))
    return sorted((dict(place._asdict()) for place in found if place is not None), key=_names)


def _interfaces(identifier):
    """A router's ports on projects' networks: by the router's own word, as ports may say anything of themselves."""
    return router_plugin()._get_sync_interfaces(get_admin_context(), [identifier], [ports.ROUTER_INTERFACE])


def _set_status(identifier):
    """Its ports are ACTIVE, as no host has to do anything for them."""
    router = _router(identifier)
    gateway = {"id": [router["gw_port_id"]]} if router and router["gw_port_id"] else None
    those = _interfaces(identifier) + (core_plugin().get_ports(get_admin_context(), gateway) if gateway else [])
    for port in those:
        wanted = ports.ACTIVE if port["admin_state_up"] else ports.DOWN
        if port["status"] != wanted:
            core_plugin().update_port_status(get_admin_context(), port["id"], wanted, "")


def _is_as(router, wanted):
    if router is None or wanted is None:
        return False
    said = dict((key, router[key]) for key in wanted)
    return dict(said, segments=sorted(said["segments"], key=_names)) == wanted


def _names(segment):
    return segment["tenant"], segment["segment"]
