"""A port's address: how an endpoint of romana-server is made for it, found again, and given back.

Everything here may be repeated: Neutron repeats a request whose transaction was in another's way. An endpoint is known
by its name, which is the port's id.
"""

from __future__ import absolute_import

import hashlib
import json

from networking_romana import cloud, segment, tenant
from networking_romana.client import romana
from networking_romana.errors import RomanaInvalid, RomanaRefused
from networking_romana.port import interface


def allocate(context, port, name=None):
    """The endpoint of a port on its host: the one it has there, or a new one.

    Args:
        context: Neutron's, of the request.
        port: a Port with a host.
        name: segment; None: the chosen one, or `default`.

    Raises RomanaInvalid (unknown segment), RomanaRefused (none is free) and RomanaUnavailable.
    """
    owner = _tenant(context, port)
    return _create(port, port.host, owner, name or chosen_segment(port) or segment.DEFAULT)


def claim(context, port, address):
    """The endpoint of a port with an address that somebody chose; it has to be of the port's host and tenant.

    Where neither host nor segment is known otherwise, the address says which. Raises as `allocate` does.
    """
    known = find(port.id, address)
    if known:
        return known
    owner = _tenant(context, port)
    place = romana().explain(address)
    _check_place(port, owner, place)
    return _create(port, place["host"], owner, place["segment"], address)


def was_chosen(port, endpoint):
    """Whether somebody chose the address of a port's endpoint: romana-server knows the request of `claim` then.

    Asked again, it gives the same endpoint; an address that it chose itself it does not give twice.
    """
    try:
        _create(port, endpoint["host"], endpoint["tenant"], endpoint["segment"], endpoint["address"])
    except RomanaRefused as refusal:
        if refusal.code != "address_in_use":
            raise
        return False
    return True


def find(port_id, address):
    """The endpoint that a port has with an address (str); None when it has none."""
    for endpoint in romana().endpoints(address=address):
        if endpoint["name"] == port_id:
            return endpoint
    return None


def find_all(port_id):
    """All endpoints of a port: one, but for what a broken request left."""
    return [one for one in romana().endpoints(interface=interface(port_id)) if one["name"] == port_id]


def release(port_id, addresses=None):
    """Give addresses of a port back: those given, or all."""
    for endpoint in find_all(port_id):
        if addresses is None or endpoint["address"] in addresses:
            romana().delete_endpoint(endpoint["id"])


def chosen_segment(port):
    """The segment that somebody chose for a port; None when nobody did. Raises RomanaInvalid, RomanaUnavailable."""
    return segment.chosen(port, cloud.instance_metadata if cloud.can_be_asked() else lambda _instance: None)


def _tenant(context, port):
    def name():
        if context.project_id == port.project_id and context.project_name:
            return context.project_name
        project = cloud.project(port.project_id) if cloud.can_be_asked() else None
        return project and project["name"]

    return tenant.of_project(romana(), port.project_id, name)


def _check_place(port, owner, place):
    address = place["address"]
    if place["host"] is None or place["role"] not in ("endpoint", "unallocated"):
        raise RomanaInvalid(reason="{} is no address that a port can have; leave it out".format(address))
    if port.host and place["host"] != port.host:
        raise RomanaInvalid(
            reason="{} is an address of host {}, and the port is on {}; take one of that host, or leave it out".format(
                address, place["host"], port.host
            )
        )
    if place["tenant"] != owner:
        raise RomanaInvalid(reason="{} is no address of the port's project; leave it out".format(address))
    chosen = chosen_segment(port)
    if place["segment"] is None or chosen not in (None, place["segment"]):
        raise RomanaInvalid(
            reason="{} is not in the segment {}; take one of that segment, or leave it out".format(
                address, chosen or segment.DEFAULT
            )
        )


def _create(port, host, owner, name, address=None):
    endpoint = {
        "host": host,
        "tenant": owner,
        "segment": name,
        "mac": port.mac.lower(),
        "interface": interface(port.id),
        "name": port.id,
    }
    if address is not None:
        endpoint["address"] = address
    try:
        return romana().create_endpoint(endpoint, _key(endpoint))
    except RomanaRefused as refusal:
        if refusal.code == "not_found" and refusal.details.get("kind") == "segment":
            raise RomanaInvalid(reason=_no_segment(owner, name))
        if refusal.code == "not_found" and refusal.details.get("kind") == "host":
            raise RomanaInvalid(reason="host {} is not part of the Romana network; run the installer".format(host))
        if refusal.code == "invalid_request":
            raise RomanaInvalid(reason=str(refusal))
        raise


def _key(endpoint):
    """The same request has the same key; another request of the same port, as for another host, has another."""
    digest = hashlib.sha256(json.dumps(endpoint, sort_keys=True).encode("ascii")).hexdigest()
    return "{}/{}".format(endpoint["name"], digest)


def _no_segment(owner, name):
    there = ", ".join(one["name"] for one in romana().segments(owner))
    return "tenant {} has no segment {}; there are: {}".format(owner, name, there or "none")
