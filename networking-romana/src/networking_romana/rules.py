"""A security group's rules, as romana-server has them. Pure."""

from __future__ import absolute_import

import netaddr

IPV4 = "IPv4"
ICMP = 1
ANY = 0  # Neutron's "ip"
WITH_PORTS = (6, 17, 33, 132, 136)  # TCP, UDP, DCCP, SCTP, UDP-Lite (IANA)
# What Neutron takes as a name; everything else is a number (IANA) already.
PROTOCOLS = {
    "ah": 51,
    "dccp": 33,
    "egp": 8,
    "esp": 50,
    "gre": 47,
    "hopopt": ANY,
    "icmp": ICMP,
    "igmp": 2,
    "ip": ANY,
    "ipip": 4,
    "ipv6-encap": 41,
    "ipv6-frag": 44,
    "ipv6-icmp": 58,
    "icmpv6": 58,
    "ipv6-nonxt": 59,
    "ipv6-opts": 60,
    "ipv6-route": 43,
    "ospf": 89,
    "pgm": 113,
    "rsvp": 46,
    "sctp": 132,
    "tcp": 6,
    "udp": 17,
    "udplite": 136,
    "vrrp": 112,
}


def translate(rules, address_groups):
    """Neutron's rules in the words of romana-server's API, in an order that does not depend on Neutron's.

    Those for IPv6, and those for an address group without IPv4 addresses, let nothing pass here and are left out; so
    are those that only Neutrons of old take: ports of a protocol that has none, or in descending order.

    Args:
        rules: dictionaries, as Neutron's API shows them.
        address_groups: networks of address groups, by the groups' ids.
    """
    found = [_rule(rule, address_groups) for rule in rules if rule["ethertype"] == IPV4]
    return sorted(
        (rule for rule in found if rule is not None), key=lambda rule: sorted((k, str(rule[k])) for k in rule)
    )


def address_groups_of(rules):
    """The ids of the address groups that rules name."""
    return sorted(set(rule["remote_address_group_id"] for rule in rules if rule.get("remote_address_group_id")))


def _rule(rule, address_groups):
    found = {"direction": rule["direction"]}
    protocol = _number(rule["protocol"])
    if protocol is not None:
        found["protocol"] = protocol
    low, high = rule["port_range_min"], rule["port_range_max"]
    if protocol == ICMP:
        if low is not None:
            found["icmp_type"] = low
        if high is not None:
            found["icmp_code"] = high
    elif low is not None or high is not None:
        found["ports"] = _ports(protocol, low, high)
        if found["ports"] is None:
            return None
    remote = _remote(rule, address_groups)
    if remote is None:
        return None
    found.update(remote)
    return found


def _remote(rule, address_groups):
    """What a rule says of the other side; None when that is nobody."""
    if rule.get("remote_address_group_id"):
        networks = address_groups[rule["remote_address_group_id"]]
        return {"remotes": sorted(networks)} if networks else None
    if rule["remote_group_id"]:
        return {"remote_group": rule["remote_group_id"]}
    if rule["remote_ip_prefix"]:
        return {"remotes": [str(netaddr.IPNetwork(rule["remote_ip_prefix"]).cidr)]}
    return {}


def _number(protocol):
    """The protocol's number; None for all."""
    if protocol is None:
        return None
    number = PROTOCOLS.get(str(protocol).lower())
    if number is None:
        number = int(protocol)
    return None if number == ANY else number


def _ports(protocol, low, high):
    """A range of ports; None where there can be none."""
    low, high = (low if low is not None else high, high if high is not None else low)
    if protocol not in WITH_PORTS or low > high:
        return None
    return str(low) if low == high else "{}-{}".format(low, high)
