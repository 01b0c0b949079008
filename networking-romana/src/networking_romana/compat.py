"""What differs between the releases of Neutron. Nothing else in this package asks which release it runs under."""

from __future__ import absolute_import

from oslo_config import cfg

# Each group came to where it is with one release; the second place is where it was before.
try:
    from neutron_lib.api.definitions import portbindings
    from neutron_lib.callbacks import events, registry, resources
    from neutron_lib.plugins.ml2 import api as ml2_api
except ImportError:  # Ocata
    from neutron.callbacks import events, registry, resources
    from neutron.extensions import portbindings
    from neutron.plugins.ml2 import driver_api as ml2_api
try:
    from keystoneauth1 import exceptions as keystone_exceptions
    from keystoneauth1 import loading
    from neutron.ipam.driver import SubnetGroup
    from neutron.ipam.exceptions import DeferIpam
    from neutron_lib import constants, exceptions
    from neutron_lib.context import get_admin_context
    from neutron_lib.plugins import directory

    NOT_SPECIFIED = constants.ATTR_NOT_SPECIFIED
    AUTH_OPTION = "auth_type"

    def keystone_session(section):
        """A session with the credentials of a section of neutron.conf."""
        auth = loading.load_auth_from_conf_options(cfg.CONF, section)
        return loading.load_session_from_conf_options(cfg.CONF, section, auth=auth)

except ImportError:  # Liberty
    from keystoneclient import auth, session
    from keystoneclient import exceptions as keystone_exceptions  # type: ignore[no-redef] # Liberty's
    from neutron.api.v2.attributes import ATTR_NOT_SPECIFIED as NOT_SPECIFIED  # type: ignore[no-redef] # Liberty's
    from neutron.common import constants, exceptions
    from neutron.context import get_admin_context
    from neutron.manager import NeutronManager as directory

    AUTH_OPTION = "auth_plugin"
    SubnetGroup = object  # the network's subnets are asked one by one

    class DeferIpam(exceptions.BadRequest):  # type: ignore[no-redef] # Liberty has none
        """An address is given when a port is made, or never."""

        message = "in this release of Neutron a port has its host from the start; name it, as Nova does"

    def keystone_session(section):
        """A session with the credentials of a section of neutron.conf."""
        plugin = auth.load_from_conf_options(cfg.CONF, section)
        return session.Session.load_from_conf_options(cfg.CONF, section, auth=plugin)


try:
    from neutron_lib.services.qos.base import DriverBase as QosDriver
except ImportError:  # Ocata; there QoS is not offered
    QosDriver = object
if QosDriver is not object:
    from neutron.services.qos.qos_plugin import QoSPlugin as QosPlugin
else:

    class QosPlugin(object):  # type: ignore[no-redef] # a stand-in
        """Nobody's base."""

        supported_extension_aliases = ()


try:
    from neutron_lib.plugins import utils as plugin_utils
    from neutron_lib.services.base import ServicePluginBase
except ImportError:  # Ocata; there routers are not offered
    plugin_utils = None
if plugin_utils is not None:
    from neutron.db.l3_gwmode_db import L3_NAT_dbonly_mixin as RouterMixin
    from neutron.ipam.exceptions import IpAddressAlreadyAllocated
    from neutron.objects.network import NetworkRBAC
    from neutron.objects.router import FloatingIP
    from neutron_lib.callbacks import priority_group
    from neutron_lib.db.api import retry_db_errors

    BEFORE_NEUTRON = priority_group.PRIORITY_DEFAULT - 1  # callbacks are called in the order of their numbers
else:  # not even imported: old ones have a say in every deletion of a port then
    NetworkRBAC = FloatingIP = IpAddressAlreadyAllocated = None

    def retry_db_errors(function):
        """Nothing: nobody calls it."""
        return function

    class RouterMixin(object):  # type: ignore[no-redef] # a stand-in
        """Nobody's base."""

    class ServicePluginBase(object):  # type: ignore[no-redef] # a stand-in
        """Nobody's base."""


try:
    from neutron.objects.port_forwarding import PortForwarding
except ImportError:  # Queens; there ports of floating IPs are not forwarded
    PortForwarding = None


def port_forwarding_base():
    """Neutron's plugin for forwarding ports; a stand-in where there is none.

    It is not imported before somebody asks: from then on Neutron lists floating IPs with what is forwarded of them.
    """
    if PortForwarding is not None:
        from neutron.services.portforwarding.pf_plugin import PortForwardingPlugin

        return PortForwardingPlugin

    class Nobodys(object):
        """Nobody's base."""

        supported_extension_aliases = ()

    return Nobodys


__all__ = [
    "AUTH_OPTION",
    "NOT_SPECIFIED",
    "DeferIpam",
    "FloatingIP",
    "IpAddressAlreadyAllocated",
    "NetworkRBAC",
    "PortForwarding",
    "QosDriver",
    "QosPlugin",
    "RouterMixin",
    "ServicePluginBase",
    "SubnetGroup",
    "after_group_change",
    "after_port_update",
    "before_network_policy",
    "before_network_policy_ends",
    "before_port_update",
    "before_subnet_create",
    "core_plugin",
    "events",
    "exceptions",
    "get_admin_context",
    "keystone_exceptions",
    "keystone_session",
    "load_plugins",
    "ml2_api",
    "plugin_utils",
    "port_dict",
    "port_forwarding_base",
    "portbindings",
    "qos_plugin",
    "request_context",
    "retry_db_errors",
    "router_plugin",
    "with_port_update",
]


def core_plugin():
    """The core plugin of this process: ML2."""
    return directory.get_plugin()


def qos_plugin():
    """The service plugin for QoS of this process; None where there is none."""
    if hasattr(directory, "get_service_plugins"):  # Liberty
        return directory.get_service_plugins().get("QOS")
    return directory.get_plugin("QOS")


def router_plugin():
    """The service plugin for routers of this process; None where there is none, as everywhere in Liberty."""
    return directory.get_plugin("L3_ROUTER_NAT") if hasattr(directory, "get_plugins") else None


def port_dict(port):
    """A port as a dictionary with host, profile and tags, whether Neutron hands it over as such or as its own row."""
    if isinstance(port, dict):
        return port
    return core_plugin()._make_port_dict(port)  # nothing else knows all extensions' columns


def before_port_update(callback):
    """Have `callback(context, original, changes)` called before each update of a port, outside of a transaction.

    What it does to the dictionary `changes` is what will be written; a Neutron exception refuses the update.
    """

    def receive(_resource, _event, _trigger, payload=None, **kwargs):
        if payload is None:
            callback(kwargs["context"], kwargs["original_port"], kwargs["port"])
        elif isinstance(payload.states[1], dict):
            callback(payload.context, payload.states[0], payload.states[1])

    # The registry holds functions of its own module weakly in some releases, so the caller keeps what is returned.
    registry.subscribe(receive, resources.PORT, events.BEFORE_UPDATE)
    return receive


def with_port_update(callback):
    """Have `callback(context, before, after)` called within the transaction of each update of a port.

    before, after: Neutron's dictionaries. For Neutron of today alone.
    """

    def receive(_resource, _event, _trigger, payload):
        callback(payload.context, payload.states[0], payload.desired_state)

    registry.subscribe(receive, resources.PORT, events.PRECOMMIT_UPDATE)
    return receive


def after_port_update(callback):
    """As `with_port_update`, once the transaction is over, and before mechanism drivers are told."""

    def receive(_resource, _event, _trigger, payload):
        callback(payload.context, payload.states[0], payload.latest_state)

    registry.subscribe(receive, resources.PORT, events.AFTER_UPDATE)
    return receive


def before_network_policy(callback):
    """Have `callback(context, policy)` called before access to a network is given, and before Neutron acts on that.

    policy: the dictionary of the request, has object_id and action. A Neutron exception refuses the request, but
    Neutron acts on what is in the dictionary then all the same. For Neutron of today alone.
    """

    def receive(_resource, _event, _trigger, payload):
        if payload.metadata.get("object_type") == "network":
            callback(payload.context, payload.request_body)

    registry.subscribe(receive, resources.RBAC_POLICY, events.BEFORE_CREATE, BEFORE_NEUTRON)
    return receive


def before_network_policy_ends(callback):
    """Have `callback(context, policy)` called before access to a network is taken: a Neutron exception refuses that.

    policy: has object_id and action. For Neutron of today alone.
    """

    def receive(_resource, _event, _trigger, payload):
        if payload.metadata.get("object_type") == "network":
            callback(payload.context, payload.latest_state)

    registry.subscribe(receive, resources.RBAC_POLICY, events.BEFORE_DELETE)
    return receive


def before_subnet_create(callback):
    """Have `callback(context, subnet)` called before a subnet is made: what it does to the dictionary is what is made.

    Never called by Liberty, which does not tell.
    """

    def receive(_resource, _event, _trigger, payload):
        callback(payload.context, payload.states[0])

    registry.subscribe(receive, resources.SUBNET, events.BEFORE_CREATE)
    return receive


def request_context(driver_context):
    """Neutron's context of the request that a mechanism driver is called in."""
    return driver_context._plugin_context  # old releases show it in no other way


def after_group_change(changed, deleted):
    """Have `changed(ids)` called after groups or their rules changed, and `deleted(id)` after a group is deleted."""

    def receive_group(_resource, event, _trigger, payload=None, **kwargs):
        identifier = payload.resource_id if payload else kwargs.get("security_group_id")
        if identifier is None:
            identifier = kwargs["security_group"]["id"]
        if event == events.AFTER_DELETE:
            deleted(identifier)
        else:
            changed([identifier])

    def receive_address_group(_resource, _event, _trigger, payload=None):
        found = core_plugin().get_security_group_rules(
            get_admin_context(), {"remote_address_group_id": [payload.resource_id]}
        )
        changed(sorted(set(rule["security_group_id"] for rule in found)))

    for event in (events.AFTER_CREATE, events.AFTER_UPDATE, events.AFTER_DELETE):
        registry.subscribe(receive_group, resources.SECURITY_GROUP, event)
    if hasattr(resources, "ADDRESS_GROUP"):
        registry.subscribe(receive_address_group, resources.ADDRESS_GROUP, events.AFTER_UPDATE)
    return receive_group, receive_address_group, _after_rule_change(changed)


def _after_rule_change(changed):
    whose = {}  # group of a rule that is about to be deleted: afterwards, Liberty does not say

    def receive_before_deletion(_resource, _event, _trigger, payload=None, **kwargs):
        if payload is None:
            identifier = kwargs["security_group_rule_id"]
            for rule in core_plugin().get_security_group_rules(get_admin_context(), {"id": [identifier]}):
                whose[identifier] = rule["security_group_id"]

    def receive(_resource, event, _trigger, payload=None, **kwargs):
        if event != events.AFTER_DELETE:
            said = payload.latest_state if payload else kwargs["security_group_rule"]
            changed([said["security_group_id"]])
        elif payload:
            changed([payload.metadata["security_group_id"]])
        else:
            changed([whose.pop(kwargs["security_group_rule_id"])])

    for event in (events.AFTER_CREATE, events.AFTER_UPDATE, events.AFTER_DELETE):
        registry.subscribe(receive, resources.SECURITY_GROUP_RULE, event)
    registry.subscribe(receive_before_deletion, resources.SECURITY_GROUP_RULE, events.BEFORE_DELETE)
    return receive_before_deletion, receive


def load_plugins(arguments):
    """Read Neutron's configuration as its own services do, and load its plugins.

    Args:
        arguments: list of str, the command line without the program: --config-file FILE ...
    """
    from neutron import manager
    from neutron.common import config
    from neutron.db.migration.models import head  # noqa: F401 - other models give Port attributes that ML2 asks for
    from sqlalchemy import orm

    if hasattr(config, "register_common_config_options"):
        config.register_common_config_options()
    config.init(arguments)
    config.setup_logging()
    if hasattr(config, "set_config_defaults"):
        config.set_config_defaults()
    if hasattr(manager, "init"):
        manager.init()
    else:  # Liberty: service plugins would begin to serve their agents from this process, and it would wait for them
        cfg.CONF.set_override("service_plugins", [])
        core_plugin()
    orm.configure_mappers()
