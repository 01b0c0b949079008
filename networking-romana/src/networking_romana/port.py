"""A port, as much of it as the drivers look at."""

from __future__ import absolute_import

import collections

from networking_romana import lease
from networking_romana.compat import NOT_SPECIFIED, port_dict, portbindings
from networking_romana.errors import RomanaInvalid
from networking_romana.permissions import is_ipv4

INSTANCES = "compute:"  # how the device_owner of an instance's port begins
SERVICES = "network:"  # how the device_owner of ports of Neutron's own services begins
ROUTER_INTERFACE = SERVICES + "router_interface"  # the device_owner of a router's port on a project's network
ROUTER_GATEWAY = SERVICES + "router_gateway"  # the device_owner of a router's port outside
INTERFACE_LENGTH = 11  # characters of a port's id in its tap's name, as Nova makes it

IPV4 = 4
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
        "admin_state_up",
        "network_id",
        "port_security",
        "groups",
        "address_pairs",
        "dhcp_options",
        "vnic_type",
        "dns_name",
        "qos_policy_id",
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
        admin_state_up=get("admin_state_up", True),
        network_id=get("network_id"),
        port_security=get("port_security_enabled", True),
        groups=[str(one) for one in get("security_groups", [])],
        dhcp_options=get("extra_dhcp_opts", []),
        vnic_type=get(portbindings.VNIC_TYPE, portbindings.VNIC_NORMAL),
        dns_name=get("dns_name"),
        qos_policy_id=get("qos_policy_id"),
        address_pairs=list(get("allowed_address_pairs", [])),
    )


def demands(port):
    """What `check` looks at. Pure."""
    return port.vnic_type, port.dhcp_options, port.address_pairs


def check(port):
    """Refuse a port that wants what no host would do. Raises RomanaInvalid."""
    if port.vnic_type != portbindings.VNIC_NORMAL:
        raise RomanaInvalid(
            reason="a port of vnic type {} is not possible: instances have taps; leave it out".format(port.vnic_type)
        )
    lease.options(port.dhcp_options)
    for pair in port.address_pairs:
        if not is_ipv4(pair):
            raise RomanaInvalid(
                reason="the address pair {} is not possible: guests have no IPv6; leave it out".format(
                    pair["ip_address"]
                )
            )


def check_owner(before, after):
    """Refuse that a port that was made for a service of Neutron's becomes anything else's.

    Neutron makes such ports without port security, and lets whoever owns the network say what a port is for: an
    instance that got one would send from any address. Raises RomanaInvalid.

    before, after: Ports.
    """
    served = before.device_owner.startswith(SERVICES) and not after.device_owner.startswith(SERVICES)
    if served and not after.port_security:
        raise RomanaInvalid(
            reason="the port was made for a router, or another service of Neutron's, and has no port security; make"
            " another port"
        )


def interface(port_id):
    """The name of a port's tap."""
    return "tap" + port_id[:INTERFACE_LENGTH]
