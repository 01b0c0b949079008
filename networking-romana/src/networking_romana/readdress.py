"""What an update of a port does to its address. It is asked before Neutron's transaction: requests may take time.

An address belongs to a host. A port that comes to another host, with a moved instance or a new one, has to get another;
Neutron itself would let it keep the old one. So a new endpoint is made before the update, and its address put into the
update; the old one is given back after it (see mechanism). An update that fails in between leaves an endpoint that is
no port's address: the follower takes it back.

Updates that are refused, whatever the address, are refused here as well.
"""

from __future__ import absolute_import

from networking_romana import address
from networking_romana import place as places
from networking_romana import port as ports
from networking_romana.compat import NOT_SPECIFIED, portbindings
from networking_romana.errors import RomanaInvalid, RomanaRefused
from networking_romana.network import EXTERNAL_OWNERS
from networking_romana.segment import PROFILE_KEY

FIXED_IPS = "fixed_ips"


def before_update(context, original, changes):
    """Refuse an update of a port, or make it fit the port's address, or the address fit the update.

    Args:
        context: Neutron's, of the request.
        original: the port as it is, Neutron's dictionary.
        changes: what is to be written; the port's new address is added here.

    Raises RomanaInvalid, RomanaRefused and RomanaUnavailable: then nothing has changed.
    """
    before = ports.read(original)
    after = ports.read(original, _given(changes))
    ports.check_owner(before, after)
    check_number(_given(changes).get(FIXED_IPS, []))
    if after.device_owner in EXTERNAL_OWNERS:
        return  # its address is not of the plan
    if after.device_owner == ports.ROUTER_INTERFACE and FIXED_IPS in _given(changes):
        _keep_routers(before, changes)
    elif FIXED_IPS in _given(changes):
        _check_chosen(context, before, after, changes[FIXED_IPS])
    elif before.addresses and after.host and after.host != before.host:
        _fit_to_host(context, before, after, changes)
    elif before.addresses and before.host and PROFILE_KEY in (_given(changes).get(portbindings.PROFILE) or {}):
        _check_segment(context, after)


def check_number(fixed_ips):
    """Refuse more than one address: a guest gets one by DHCP, and its tap is let through with one."""
    if len(fixed_ips) > 1:
        raise RomanaInvalid(reason="a port has one address, not {}; make another port".format(len(fixed_ips)))


def _given(changes):
    return dict((key, value) for key, value in changes.items() if value is not NOT_SPECIFIED)


def _check_chosen(context, before, after, fixed_ips):
    """Take hold of a chosen address now: Neutron gives the old one up before it asks for the new one."""
    if fixed_ips and not (after.host or after.addresses):
        raise RomanaInvalid(
            reason="port {} has no host yet; it gets an address with it, or name the address".format(after.id)
        )
    for chosen in after.addresses:
        if chosen not in before.addresses:
            address.claim(context, after, chosen)


def _keep_routers(before, changes):
    """Let a router's interface have the address that routers have, and keep it; its subnet alone says the same."""
    wanted = [one.get("ip_address") for one in changes[FIXED_IPS]]
    if before.addresses and changes[FIXED_IPS] == [{"subnet_id": before.subnet_id}]:
        changes[FIXED_IPS] = [{"subnet_id": before.subnet_id, "ip_address": before.addresses[0]}]
    elif wanted != before.addresses and (before.addresses or any(wanted)):
        raise RomanaInvalid(
            reason="the address of a router's interface stays as it is; take the interface out of the router, and add"
            " another"
        )


def _fit_to_host(context, before, after, changes):
    endpoint = address.find(before.id, before.addresses[0])
    wanted = places.of_port(context, after)
    if endpoint is not None:  # lost otherwise; where it was is known by the address alone, so it starts anew
        if endpoint["host"] == after.host and wanted.segment in (None, endpoint["segment"]):
            return
        _check_host(before, after, endpoint)
        if wanted.segment is None:
            wanted = wanted._replace(segment=endpoint["segment"])  # a moved port stays in its segment
    made = address.allocate(after, wanted)
    if made["address"] != before.addresses[0]:
        changes[FIXED_IPS] = [{"subnet_id": before.subnet_id, "ip_address": made["address"]}]


def _check_host(before, after, endpoint):
    """Refuse to start elsewhere with an address that somebody chose; an instance that has a host already, moves."""
    if not before.host and endpoint["host"] != after.host and address.was_chosen(before, endpoint):
        raise RomanaInvalid(
            reason="{} was chosen for the port and is an address of host {}, not of {}; start the instance on that"
            " host, or leave the address out".format(endpoint["address"], endpoint["host"], after.host)
        )


def _check_segment(context, after):
    """The guest would keep the address of its old segment until it asks for a new one: that is a new port's job."""
    endpoint = address.find(after.id, after.addresses[0])
    wanted = places.of_port(context, after).segment
    if endpoint and wanted not in (None, endpoint["segment"]):
        raise RomanaRefused(
            "port {} is bound with an address of segment {}; it gets into segment {} when it is detached and attached"
            " again".format(after.id, endpoint["segment"], wanted)
        )
