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


__all__ = [
    "AUTH_OPTION",
    "NOT_SPECIFIED",
    "DeferIpam",
    "SubnetGroup",
    "before_port_update",
    "core_plugin",
    "exceptions",
    "get_admin_context",
    "keystone_exceptions",
    "keystone_session",
    "load_plugins",
    "ml2_api",
    "port_dict",
    "portbindings",
]


def core_plugin():
    """The core plugin of this process: ML2."""
    return directory.get_plugin()


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
