"""Security groups: how what Neutron knows of them gets to romana-server.

A group is put there when a port needs it, and again when it changes. Everything may be repeated. What romana-server
does not hear of now, because it does not answer, the follower makes good.
"""

from __future__ import absolute_import

import netaddr
from oslo_log import log as logging

from networking_romana import port as ports
from networking_romana import rules
from networking_romana.client import romana
from networking_romana.compat import after_group_change, core_plugin, exceptions, get_admin_context
from networking_romana.errors import RomanaRefused, RomanaUnavailable
from networking_romana.settle import settle

LOG = logging.getLogger(__name__)


def follow_changes():
    """Put groups when they or their rules change. The caller keeps what is returned."""
    return after_group_change(_changed, _deleted)


def put(identifier):
    """Have romana-server know a group as Neutron does, and make it known if need be.

    Raises RomanaRefused and RomanaUnavailable.
    """

    def tell(found):
        if found is None:
            _delete(identifier)
        else:
            romana().put_group(identifier, found)

    settle(lambda: document(identifier), tell)


def document(identifier):
    """A group in the words of romana-server's API; None when Neutron has none of that id."""
    context = get_admin_context()
    try:
        group = core_plugin().get_security_group(context, identifier)
    except exceptions.NotFound:
        return None
    there = group["security_group_rules"]
    address_groups = dict((one, _networks(context, one)) for one in rules.address_groups_of(there))
    return {
        "name": group["name"],
        "project_id": group.get("project_id") or group["tenant_id"],
        "rules": rules.translate(there, address_groups),
    }


def synchronize(known):
    """Have romana-server know the groups that ports need, and all that it knows as Neutron does.

    known: all Ports. Raises RomanaUnavailable.
    """
    needed = set(group for port in known if port.port_security and port.addresses for group in port.groups)
    there = dict((group["id"], group) for group in romana().groups())
    for identifier in sorted(needed | set(there)):
        try:
            if not _is_as(there.get(identifier), document(identifier)):
                put(identifier)
        except RomanaRefused as refusal:
            LOG.error("Security group %s is not kept in step: %s", identifier, refusal)


def _is_as(group, wanted):
    if group is None or wanted is None:
        return False
    return (
        dict((key, group[key]) for key in wanted if key != "rules")
        == dict((key, wanted[key]) for key in wanted if key != "rules")
        and [_said(rule) for rule in group["rules"]] == wanted["rules"]
    )


def _said(rule):
    """What a rule says: romana-server also shows what it does not."""
    return dict((key, value) for key, value in rule.items() if value is not None)


def _changed(identifiers):
    """Groups or their rules have changed in Neutron."""
    for identifier in identifiers:
        _try(identifier, put)


def _deleted(identifier):
    _try(identifier, _delete)


def _try(identifier, work):
    """The change is made in Neutron: what cannot be passed on now, the follower passes on later."""
    try:
        work(identifier)
    except (RomanaUnavailable, RomanaRefused) as error:
        LOG.warning("Security group %s is kept in step later: %s", identifier, error)


def _delete(identifier):
    """Endpoints may be in it for a moment: they are taken out, or deleted, by who is about to do so."""
    try:
        romana().delete_group(identifier)
    except RomanaRefused as refusal:
        if refusal.code != "in_use":
            raise


def _networks(context, identifier):
    found = core_plugin().get_address_group(context, identifier)
    networks = [netaddr.IPNetwork(one) for one in found["addresses"]]
    return [str(one.cidr) for one in networks if one.version == ports.IPV4]
