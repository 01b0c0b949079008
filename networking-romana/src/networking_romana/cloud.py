"""What other services of the cloud know: Nova an instance's metadata, Keystone a project.

They are asked with the credentials of the section [nova], which Neutron has for its own messages to Nova.
"""

from __future__ import absolute_import

from oslo_config import cfg

from networking_romana.compat import AUTH_OPTION, keystone_exceptions, keystone_session
from networking_romana.config import settings
from networking_romana.errors import RomanaUnavailable

SECTION = "nova"
_session = None


def instance_metadata(instance_id):
    """The metadata of an instance, a dictionary; None when there is no such instance.

    Only the metadata: to show a whole instance, Nova asks Neutron, whose processes may all be waiting for Nova.
    Raises RomanaUnavailable.
    """
    path = "/servers/{}/metadata".format(instance_id)
    url = settings().nova_url
    answer = _get(path, "Nova does not tell an instance's metadata", url, service_type="compute")
    return answer and answer["metadata"]


def project(project_id):
    """A project as Keystone describes it; None when there is none. Raises RomanaUnavailable."""
    path = "/projects/{}".format(project_id)
    answer = _get(path, "Keystone does not tell about a project", None, service_type="identity", version=(3,))
    return answer and answer["project"]


def can_be_asked():
    """Whether neutron.conf has credentials for it."""
    return bool(cfg.CONF[SECTION][AUTH_OPTION])


def _get(path, failure, url, **service):
    """The JSON there; None for 404. `url` stands in for the service's in the catalogue."""
    options = cfg.CONF[SECTION]
    service.update(region_name=options.region_name, interface=options.endpoint_type)
    where = {"endpoint_override": url} if url else {"endpoint_filter": service}
    try:
        return _keystone_session().get(path, timeout=settings().timeout, **where).json()
    except keystone_exceptions.NotFound:
        return None
    except keystone_exceptions.ClientException as error:
        raise RomanaUnavailable(reason="{}: {}".format(failure, error))


def _keystone_session():
    """A session that keeps its token, made on first use."""
    global _session
    if _session is None:
        _session = keystone_session(SECTION)
    return _session
