"""How Neutron's rules are put in romana-server's words."""

import unittest

from neutron_lib import constants

from networking_romana import rules

RULE = {
    "id": "r",
    "direction": "ingress",
    "ethertype": "IPv4",
    "protocol": None,
    "port_range_min": None,
    "port_range_max": None,
    "remote_ip_prefix": None,
    "remote_group_id": None,
}


def translated(address_groups=None, **values):
    return rules.translate([dict(RULE, **values)], address_groups or {})


class TestRules(unittest.TestCase):
    def test_what_a_rule_does_not_say_is_not_said(self):
        assert translated() == [{"direction": "ingress"}]

    def test_protocols_have_numbers(self):
        for given, number in (("tcp", 6), ("UDP", 17), ("vrrp", 112), ("253", 253), (6, 6)):
            assert translated(protocol=given) == [{"direction": "ingress", "protocol": number}]

    def test_all_protocols(self):
        for given in ("ip", "0", 0):
            assert translated(protocol=given) == [{"direction": "ingress"}]

    def test_ports(self):
        one = translated(protocol="tcp", port_range_min=22, port_range_max=22)
        some = translated(protocol="sctp", port_range_min=1, port_range_max=9)
        assert (one[0]["ports"], some[0]["ports"]) == ("22", "1-9")

    def test_every_name_that_neutron_knows_has_its_number(self):
        for name, number in constants.IP_PROTOCOL_MAP.items():
            found = translated(protocol=name)
            assert found == [dict({"direction": "ingress"}, **({"protocol": number} if number else {}))]

    def test_ports_that_only_old_neutrons_take_let_nothing_pass(self):
        assert translated(protocol="50", port_range_min=1, port_range_max=9) == []
        assert translated(protocol="132", port_range_min=9, port_range_max=1) == []

    def test_icmp_has_type_and_code(self):
        ping = translated(protocol="icmp", port_range_min=8)
        assert ping == [{"direction": "ingress", "protocol": 1, "icmp_type": 8}]
        big = translated(protocol="icmp", port_range_min=3, port_range_max=4)
        assert big == [{"direction": "ingress", "protocol": 1, "icmp_type": 3, "icmp_code": 4}]

    def test_remotes(self):
        assert translated(remote_ip_prefix="192.0.2.9/24")[0]["remotes"] == ["192.0.2.0/24"]
        assert translated(remote_group_id="g")[0]["remote_group"] == "g"

    def test_address_groups_are_their_networks(self):
        networks = {"a": ["198.51.100.0/24", "192.0.2.0/24"], "empty": []}
        found = translated(networks, remote_address_group_id="a")
        assert found == [{"direction": "ingress", "remotes": ["192.0.2.0/24", "198.51.100.0/24"]}]
        assert translated(networks, remote_address_group_id="empty") == []

    def test_ipv6_is_left_out(self):
        assert translated(ethertype="IPv6") == []

    def test_the_order_is_ours(self):
        several = [dict(RULE, protocol=number) for number in (6, 17, 1)]
        assert rules.translate(several, {}) == rules.translate(several[::-1], {})
