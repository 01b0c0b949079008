"""A port, as much of it as the drivers look at."""

from __future__ import absolute_import

import collections

from networking_romana.compat import NOT_SPECIFIED, port_dict, portbindings

INSTANCES = "compute:"  # how the device_owner of an instance's port begins
INTERFACE_LENGTH = 11  # characters of a port's id in its tap's name, as Nova makes it

ACTIVE, DOWN = "ACTIVE", "DOWN"  # a port's status
TAP = "tap"  # the VIF type of our ports

Port = collections.namedtuple(
    "Port",
    [
        "id",
        "project_id",
        "mac",
        "host",
        "device_id",
        "device_owner",
        "profile",
        "tags",
        "addresses",
        "subnet_id",
        "vif_type",
        "status",
    ],
)


def read(port, changes=None):
    """The Port in Neutron's dictionary or row, with changes laid over it. What isn't given is empty."""
    known = dict(port_dict(port))
    known.update(changes or {})

    def get(key, empty=""):
        value = known.get(key)
        return empty if value is None or value is NOT_SPECIFIED else value

    fixed = get("fixed_ips", [])
    return Port(
        id=get("id"),
        project_id=get("project_id") or get("tenant_id"),
        mac=get("mac_address"),
        host=get(portbindings.HOST_ID),
        device_id=get("device_id"),
        device_owner=get("device_owner"),
        profile=get(portbindings.PROFILE, {}),
        tags=get("tags", []),
        addresses=[str(one["ip_address"]) for one in fixed if one.get("ip_address")],
        subnet_id=fixed[0].get("subnet_id") if fixed else None,
        vif_type=get(portbindings.VIF_TYPE),
        status=get("status"),
    )


def interface(port_id):
    """The name of a port's tap."""
    return "tap" + port_id[:INTERFACE_LENGTH]
