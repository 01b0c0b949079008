"""What a port may do, in the words of romana-server's API. Pure."""

from __future__ import absolute_import

import netaddr

IPV4 = 4


def permissions(port, network):
    """What a port's endpoint may do.

    Args:
        port: a Port.
        network: its network's dictionary, as Neutron's API shows it.
    """
    enabled = bool(port.admin_state_up and network["admin_state_up"])
    if not port.port_security:
        return {"groups": None, "address_pairs": [], "port_security": False, "enabled": enabled}
    return {
        "groups": sorted(port.groups),
        "address_pairs": sorted((_pair(port, one) for one in port.address_pairs if is_ipv4(one)), key=_by_address),
        "port_security": True,
        "enabled": enabled,
    }


def is_ipv4(pair):
    """Whether an address pair is for IPv4. A port may have had others before they were refused."""
    return netaddr.IPNetwork(pair["ip_address"]).version == IPV4


def _by_address(pair):
    return pair["network"], pair["mac"] or ""


def _pair(port, pair):
    mac = str(pair.get("mac_address") or port.mac).lower()
    return {
        "network": str(netaddr.IPNetwork(pair["ip_address"]).cidr),
        "mac": mac if mac != port.mac.lower() else None,
    }
