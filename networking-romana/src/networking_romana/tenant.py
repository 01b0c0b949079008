"""A Keystone project's tenant in Romana: made when its first port needs an address."""

from __future__ import absolute_import

import re

from networking_romana.contract import NAME
from networking_romana.errors import RomanaInvalid, RomanaRefused
from networking_romana.segment import DEFAULT

VALID = re.compile(NAME + r"\Z")


def of_project(client, project_id, project_name):
    """The name of a project's tenant, which has the segment `default` at least.

    Args:
        client: a RomanaClient.
        project_id: Keystone's id.
        project_name: function without arguments; gives Keystone's name or None, called when a tenant has to be made.

    Raises RomanaInvalid without a project, and what the client raises.
    """
    if not project_id:
        raise RomanaInvalid(reason="a port without a project gets no address: it would belong to no tenant of Romana")
    tenant = _find(client, project_id) or _make(client, project_id, project_name())
    if not tenant["segments"]:
        client.create_segment(tenant["name"], DEFAULT)
    return tenant["name"]


def names(project_id, project_name):
    """The names that a project's tenant may have, best first: Keystone's where it is one in Romana, then the id."""
    valid = [project_name] if project_name and VALID.match(project_name) else []
    return valid + [project_id]


def _find(client, project_id):
    for tenant in client.tenants(project_id=project_id):
        if tenant["project_id"] == project_id:
            return tenant
    return None


def _make(client, project_id, project_name):
    for name in names(project_id, project_name):
        try:
            return client.create_tenant(name, project_id)
        except RomanaRefused as refusal:
            if refusal.code != "conflict":
                raise
            last = refusal
        made = _find(client, project_id)  # by another process, meanwhile
        if made:
            return made
    raise last
