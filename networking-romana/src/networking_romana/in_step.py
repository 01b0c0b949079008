"""Keeps endpoints in step with their ports: what they may do, what DHCP tells them, and how much may pass.

Everything may be repeated. What romana-server does not hear of now, because it does not answer, the follower makes
good.
"""

from __future__ import absolute_import

from oslo_log import log as logging

from networking_romana import address, groups
from networking_romana import port as ports
from networking_romana.bandwidth import bandwidth
from networking_romana.client import romana
from networking_romana.compat import core_plugin, exceptions, get_admin_context, qos_plugin
from networking_romana.errors import RomanaRefused, RomanaUnavailable
from networking_romana.lease import lease
from networking_romana.permissions import permissions
from networking_romana.settle import settle

LOG = logging.getLogger(__name__)

# What may change of a port without a word to its endpoint, in a Port that says nothing of it: all that Neutron writes
# while it binds a port, or has it be ACTIVE.
NOT_TOLD = {"device_id": "", "device_owner": "", "profile": {}, "tags": [], "vif_type": "", "status": ""}


def keep(port):
    """Keep a port's endpoint in step, now or later."""
    if not port.addresses:
        return
    try:
        bring(port.id)
    except (RomanaUnavailable, RomanaRefused) as error:
        LOG.warning("What port %s may do, and is told, is kept in step later: %s", port.id, error)


def are_told_alike(before, after):
    """Whether two Ports of one id have the same endpoint, which is told the same of both. Pure."""
    return before._replace(**NOT_TOLD) == after._replace(**NOT_TOLD)


def keep_all(filters):
    """Keep the endpoints of many ports in step, now or later.

    filters: which, as Neutron's API takes it: {"network_id": [...]}.
    """
    there = core_plugin().get_ports(get_admin_context(), filters)
    try:
        synchronize([ports.read(port) for port in there])
    except RomanaUnavailable as error:
        LOG.warning("What ports of %s may do, and are told, is kept in step later: %s", filters, error)


def synchronize(known):
    """Bring those endpoints in step that are not.

    known: Ports. Raises RomanaUnavailable.
    """
    by_id = dict((port.id, port) for port in known)
    networks = dict((one["id"], one) for one in core_plugin().get_networks(get_admin_context()))
    subnets = dict((one["id"], one) for one in core_plugin().get_subnets(get_admin_context()))
    policies = _policies()
    for endpoint in romana().endpoints():
        port = by_id.get(endpoint["name"])
        if port is None or port.network_id not in networks or port.subnet_id not in subnets:
            continue
        network = networks[port.network_id]
        rules = policies.get(_policy_id(port, network), [])
        if not _changes(endpoint, _wanted(port, network, subnets[port.subnet_id], rules)):
            continue
        try:
            bring(port.id)
        except RomanaRefused as refusal:
            LOG.error("What port %s may do, and is told, is not kept in step: %s", port.id, refusal)


def bring(port_id):
    """Give the endpoint of a port what Neutron says now. Raises RomanaRefused and RomanaUnavailable."""

    def tell(wanted):
        for endpoint in address.find_all(port_id) if wanted else []:
            changes = _changes(endpoint, wanted)
            if changes:
                _give(endpoint, changes)

    settle(lambda: _read(port_id), tell)


def _read(port_id):
    """What Neutron says of a port now; None when it is gone, or has no address."""
    plugin, context = core_plugin(), get_admin_context()
    try:
        port = ports.read(plugin.get_port(context, port_id))
        if port.subnet_id is None:
            return None
        network = plugin.get_network(context, port.network_id)
        policy = _policy_id(port, network)
        rules = qos_plugin().get_policy(context, policy)["rules"] if policy else []
        return _wanted(port, network, plugin.get_subnet(context, port.subnet_id), rules)
    except exceptions.NotFound:
        return None


def _policies():
    """The rules of all QoS policies, by the policies' ids."""
    plugin = qos_plugin()
    there = plugin.get_policies(get_admin_context()) if plugin else []
    return dict((policy["id"], policy["rules"]) for policy in there)


def _policy_id(port, network):
    """The id of the QoS policy that counts for a port; empty: none."""
    return port.qos_policy_id or network.get("qos_policy_id") or ""


def _wanted(port, network, subnet, rules):
    return {
        "permissions": permissions(port, network),
        "lease": lease(port, network, subnet),
        "bandwidth": bandwidth(rules),
    }


def _changes(endpoint, wanted):
    return dict((key, value) for key, value in wanted.items() if endpoint[key] != value)


def _give(endpoint, changes):
    try:
        romana().update_endpoint(endpoint["id"], changes)
    except RomanaRefused as refusal:
        if refusal.details.get("kind") != "group":
            raise
        for group in changes["permissions"]["groups"]:
            groups.put(group)
        romana().update_endpoint(endpoint["id"], changes)
