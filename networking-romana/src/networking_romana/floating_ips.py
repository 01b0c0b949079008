"""Floating IPs: how what Neutron knows of them gets to romana-server.

romana-server knows those that belong to a port, or of which ports are forwarded to some, by their addresses: each is
put there when it gets to a port, and taken away when it leaves it. Everything may be repeated. What romana-server does
not hear of now, because it does not answer, the follower makes good.
"""

from __future__ import absolute_import

from oslo_log import log as logging

from networking_romana import address as addresses
from networking_romana import routers
from networking_romana.client import romana
from networking_romana.compat import PortForwarding, get_admin_context, retry_db_errors, router_plugin
from networking_romana.errors import RomanaRefused, RomanaUnavailable
from networking_romana.port import ACTIVE, DOWN
from networking_romana.settle import settle
from networking_romana.strays import NEUTRON_ID

LOG = logging.getLogger(__name__)

FORWARDINGS = "port_forwardings"  # of Neutron's dictionary, where ports may be forwarded


def keep(*those):
    """Have romana-server know floating IPs, by their addresses, as Neutron does, now or later.

    When it does not answer, it is not asked about the others: the caller would wait for each.
    """
    for address in those:
        try:
            bring(address)
        except RomanaRefused as refusal:
            LOG.warning("Floating IP %s is kept in step later: %s", address, refusal)
        except RomanaUnavailable as error:
            LOG.warning("Floating IPs %s are kept in step later: %s", ", ".join(those), error)
            return


def keep_those(**filters):
    """Keep the floating IPs in step that Neutron finds by filters, as router_id or port_id."""
    keep(*[one["floating_ip_address"] for one in _find(**filters)])


def keep_port(port_id):
    """Keep the floating IPs in step that lead to a port, as a whole or port by port."""
    keep_those(port_id=port_id)
    keep(*forwarded_to(get_admin_context(), port_id))


def forwarded_to(context, port_id):
    """The addresses (of str, sorted) of the floating IPs of which ports are forwarded to a port."""
    if PortForwarding is None:
        return []
    found = PortForwarding.get_objects(context.elevated(), internal_port_id=port_id)
    return sorted(set(str(one.floating_ip_address) for one in found))


def bring(address):
    """Have romana-server know the floating IP with an address (str) as Neutron does, and Neutron that it does.

    Raises RomanaRefused (then it is DOWN, and leads nowhere) and RomanaUnavailable.
    """

    def tell(wanted):
        if wanted is None:
            romana().delete_floating_ip(address)
        else:
            _put(address, wanted)

    try:
        told = settle(lambda: _document(address), tell)
    except RomanaRefused:
        romana().delete_floating_ip(address)
        _set_status(address, DOWN)
        raise
    _set_status(address, _status(told))


def _put(address, wanted):
    """Have romana-server know a floating IP; of what is forwarded, what leads to where it is delivered, if anything is.

    Raises RomanaRefused and RomanaUnavailable.
    """
    try:
        romana().put_floating_ip(address, wanted)
    except RomanaRefused as refusal:
        there, elsewhere = wanted.get("forwardings", []), refusal.details.get("endpoints", [])
        left = [one for one in there if one["endpoint"] not in elsewhere]
        if not left or left == there:
            raise
        LOG.warning("Ports of floating IP %s are not forwarded, but for %s of %s: %s", address, len(left), len(there),
                    refusal)  # fmt: skip
        romana().put_floating_ip(address, dict(wanted, forwardings=left))


def synchronize():
    """Have romana-server know all floating IPs as Neutron does. Raises RomanaUnavailable.

    One of an endpoint that is no port is others' business.
    """
    if router_plugin() is None:
        return
    there = romana().floating_ips()
    known = dict((one["floating_ip_address"], one) for one in _find())
    up, endpoints = routers.all_up(), romana().endpoints()
    names = dict((one["id"], one["name"] or "") for one in endpoints)
    identifiers = dict(((one["name"], one["address"]), one["id"]) for one in endpoints)
    told = dict((one["address"], one) for one in there if any(NEUTRON_ID.match(names.get(e, "")) for e in _ends(one)))

    def is_in_step(address):
        one = known.get(address)
        wanted = one and _translate(one, up.__contains__, lambda *port: identifiers.get(port))
        return _is_as(told.get(address), wanted) and (one is None or one["status"] == _status(wanted))

    for address in sorted(set(told) | set(known)):
        try:
            if not is_in_step(address):
                bring(address)  # which asks again: what was read here is not of one moment
        except RomanaRefused as refusal:  # also when its endpoint has yet to lose another: then the next time will do
            LOG.error("Floating IP %s is not kept in step: %s", address, refusal)


def _find(**filters):
    wanted = dict((key, [value]) for key, value in filters.items())
    return router_plugin().get_floatingips(get_admin_context(), wanted)


def _document(address):
    """A floating IP in the words of romana-server's API; None when no port is reached by it."""
    for one in _find(floating_ip_address=address):
        return _translate(one, routers.is_up, _endpoint)
    return None


def _translate(one, is_up, endpoint_of):
    """As `_document`.

    Args:
        one: Neutron's dictionary of it.
        is_up: function from a router's id to whether it is there and not set down.
        endpoint_of: function from a port's id and its address to the endpoint's id, or None.
    """
    if not one["router_id"] or not is_up(one["router_id"]):
        return None
    project = one["tenant_id"] or None
    if one["port_id"]:
        endpoint = endpoint_of(one["port_id"], one["fixed_ip_address"])
        return {"endpoint": endpoint, "project_id": project} if endpoint else None
    found = [_forwarding(each, endpoint_of) for each in one.get(FORWARDINGS) or []]
    forwardings = sorted((each for each in found if each is not None), key=_service)
    return {"forwardings": forwardings, "project_id": project} if forwardings else None


def _forwarding(one, endpoint_of):
    """One of Neutron's forwardings in the words of romana-server's API; None when it leads nowhere."""
    endpoint = endpoint_of(one["internal_port_id"], one["internal_ip_address"])
    if not endpoint or one["protocol"] not in ("tcp", "udp") or not one.get("external_port"):
        return None  # others, or ranges of ports, were made by another plugin
    return {
        "protocol": one["protocol"],
        "port": one["external_port"],
        "endpoint": endpoint,
        "endpoint_port": one["internal_port"],
    }


def _service(forwarding):
    return forwarding["protocol"], forwarding["port"]


def _ends(there):
    """The ids of the endpoints that a floating IP of romana-server's leads to."""
    return [there["endpoint"]] if there["endpoint"] else [one["endpoint"] for one in there["forwardings"]]


def _endpoint(port_id, address):
    endpoint = addresses.find(port_id, address)
    return endpoint and endpoint["id"]


def _is_as(there, wanted):
    if there is None or wanted is None:
        return there is wanted
    said = dict((key, there[key]) for key in wanted)
    if "forwardings" in wanted:
        keys = ("protocol", "port", "endpoint", "endpoint_port")
        those = [dict((key, one[key]) for key in keys) for one in said["forwardings"]]
        said["forwardings"] = sorted(those, key=_service)
    return said == wanted


def _status(wanted):
    return DOWN if wanted is None else ACTIVE


@retry_db_errors  # here: else the request is repeated that it is a part of, and makes another floating IP
def _set_status(address, status):
    for one in _find(floating_ip_address=address):
        if one["status"] != status:
            router_plugin().update_floatingip_status(get_admin_context(), one["id"], status)
