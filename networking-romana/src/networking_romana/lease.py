"""What DHCP tells a port's guest, in the words of romana-server's API. Pure."""

from __future__ import absolute_import

import re

import netaddr

from networking_romana.errors import RomanaInvalid

IPV4 = 4
# Options by the names that DHCP servers have for them (RFC 2132 and others); users may also give the numbers.
OPTIONS = {
    "time-offset": 2,
    "router": 3,
    "routers": 3,
    "dns-server": 6,
    "domain-name-servers": 6,
    "log-server": 7,
    "lpr-server": 9,
    "hostname": 12,
    "host-name": 12,
    "boot-file-size": 13,
    "domain-name": 15,
    "root-path": 17,
    "mtu": 26,
    "interface-mtu": 26,
    "nis-domain": 40,
    "nis-server": 41,
    "ntp-server": 42,
    "ntp-servers": 42,
    "vendor-class": 60,
    "tftp-server": 66,
    "tftp-server-name": 66,
    "bootfile-name": 67,
    "smtp-server": 69,
    "pop3-server": 70,
    "domain-search": 119,
    "classless-static-route": 121,
    "tftp-server-address": 150,
    "wpad": 252,
}
# What makes DHCP work at all: mask, broadcast, overload, lease time, kind of message, who serves, what is asked for.
OWN = frozenset((1, 28, 50, 51, 52, 53, 54, 55, 56, 57, 61, 82, 255))
LARGEST = 254
VALUE = re.compile(r"^[A-Za-z0-9._:/@%+=-]+(,[A-Za-z0-9._:/@%+=-]+)*\Z")


def lease(port, network, subnet):
    """The lease of a port's endpoint.

    Args:
        port: a Port.
        network: its network's dictionary, as Neutron's API shows it.
        subnet: that of the subnet which the port's address is of.
    """
    servers = [one for one in subnet.get("dns_nameservers") or [] if _is_ipv4(one)]
    routes = [
        {"destination": str(netaddr.IPNetwork(one["destination"]).cidr), "via": str(one["nexthop"])}
        for one in subnet.get("host_routes") or []
        if _is_ipv4(one["nexthop"])
    ]
    host_name, _, domain = str(port.dns_name).partition(".")
    return {
        "offered": bool(subnet["enable_dhcp"]),
        "host_name": host_name or None,
        "domain": (domain or str(network.get("dns_domain") or "")).strip(".") or None,
        "nameservers": [str(one) for one in servers] or None,
        "routes": sorted(routes, key=lambda one: sorted(one.items())),
        "options": [{"number": number, "value": value} for number, value in sorted(_possible(port.dhcp_options))],
        "mtu": network.get("mtu") or None,
    }


def options(given):
    """The options that somebody gave a port: [(number, value)], ascending.

    Args: given: extra_dhcp_opts, as Neutron's API shows them. Raises RomanaInvalid: one is not possible.
    """
    return sorted(_option(one) for one in given if one.get("opt_value") is not None)


def _possible(given):
    """As `options`, without those that are not: a port may have had them before they were refused."""
    for one in given:
        try:
            for option in options([one]):
                yield option
        except RomanaInvalid:
            continue


def _option(one):
    name, value = str(one["opt_name"]), str(one["opt_value"])
    if int(one.get("ip_version") or IPV4) != IPV4:
        raise RomanaInvalid(reason="DHCP option {} is for IPv6, which guests do not have; leave it out".format(name))
    number = OPTIONS.get(name, int(name) if name.isdigit() else None)
    if number is None or not 1 <= number <= LARGEST or number in OWN:
        raise RomanaInvalid(
            reason="DHCP option {} is not possible; give the number of one (RFC 2132), or one of {}".format(
                name, ", ".join(sorted(OPTIONS))
            )
        )
    if not VALUE.match(value):
        raise RomanaInvalid(
            reason="the value of DHCP option {} is not possible: {!r}; give letters, digits and ._:/@%+=-, and commas"
            " between several values".format(name, value)
        )
    return number, value


def _is_ipv4(address):
    return netaddr.IPAddress(address).version == IPV4
