"""A port's address: how an endpoint of romana-server is made for it, found again, and given back.

Everything here may be repeated: Neutron repeats a request whose transaction was in another's way. An endpoint is known
by its name, which is the port's id.
"""

from __future__ import absolute_import

import hashlib
import json

from networking_romana import place as places
from networking_romana import segment
from networking_romana.client import romana
from networking_romana.errors import RomanaInvalid, RomanaRefused
from networking_romana.port import interface


def allocate(port, place):
    """The endpoint of a port on its host: the one it has there, or a new one.

    Args:
        port: a Port with a host.
        place: its Place; where that has no segment, it is `default`.

    Raises RomanaInvalid (unknown segment), RomanaRefused (none is free) and RomanaUnavailable.
    """
    return _create(port, port.host, place.tenant, place.segment or segment.DEFAULT)


def claim(context, port, address):
    """The endpoint of a port with an address that somebody chose; it has to be of the port's host and tenant.

    Where neither host nor segment is known otherwise, the address says which. Raises as `allocate` and
    `place.of_port` do.
    """
    known = find(port.id, address)
    if known:
        return known
    place, found = places.of_port(context, port), romana().explain(address)
    _check_place(port, place, found)
    return _create(port, found["host"], place.tenant, found["segment"], address)


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


def _check_place(port, place, found):
    address = found["address"]
    if found["host"] is None or found["role"] not in ("endpoint", "unallocated"):
        raise RomanaInvalid(reason="{} is no address that a port can have; leave it out".format(address))
    if port.host and found["host"] != port.host:
        raise RomanaInvalid(
            reason="{} is an address of host {}, and the port is on {}; take one of that host, or leave it out".format(
                address, found["host"], port.host
            )
        )
    if found["tenant"] != place.tenant:
        raise RomanaInvalid(reason="{} is no address of the port's project; leave it out".format(address))
    if found["segment"] is None or place.segment not in (None, found["segment"]):
        raise RomanaInvalid(
            reason="{} is not in the segment {}; take one of that segment, or leave it out".format(
                address, place.segment or segment.DEFAULT
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
        "permissions": {"groups": []},  # nothing passes until its groups are in place
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
