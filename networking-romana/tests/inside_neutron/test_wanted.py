"""What a port's endpoint is to have, in romana-server's words."""

from __future__ import absolute_import

import unittest

from networking_romana import port as ports
from networking_romana.bandwidth import bandwidth
from networking_romana.in_step import are_told_alike
from networking_romana.lease import lease
from networking_romana.permissions import permissions

MAC = "fa:16:3e:00:00:01"
NETWORK = {"admin_state_up": True, "mtu": 0}
SUBNET = {"enable_dhcp": True, "dns_nameservers": [], "host_routes": []}


def port(**values):
    return ports.read(dict({"id": "p", "mac_address": MAC, "security_groups": ["b", "a"]}, **values))


BOUND = {"binding:host_id": "a", "fixed_ips": [{"ip_address": "10.0.17.3", "subnet_id": "s"}]}


class TestNews(unittest.TestCase):
    def test_binding_a_port_and_its_status_are_none(self):
        before = port(status="DOWN", **BOUND)
        after = port(status="ACTIVE", name="n", device_id="i", device_owner="compute:nova", tags=["t"], **BOUND)
        assert are_told_alike(before, after._replace(vif_type="tap", profile={"migrating_to": "b"}))

    def test_all_else_is(self):
        before = port(**BOUND)
        for values in (
            {"binding:host_id": "b"},
            {"fixed_ips": []},
            {"mac_address": "fa:16:3e:00:00:02"},
            {"security_groups": []},
            {"allowed_address_pairs": [{"ip_address": "192.0.2.1"}]},
            {"port_security_enabled": False},
            {"admin_state_up": False},
            {"extra_dhcp_opts": [{"opt_name": "67", "opt_value": "x"}]},
            {"dns_name": "web"},
            {"qos_policy_id": "q"},
        ):
            assert not are_told_alike(before, port(**dict(BOUND, **values))), values


class TestPermissions(unittest.TestCase):
    def test_groups(self):
        found = permissions(port(), NETWORK)
        assert found == {"groups": ["a", "b"], "address_pairs": [], "port_security": True, "enabled": True}

    def test_without_port_security_groups_have_no_say(self):
        pairs = [{"ip_address": "192.0.2.1"}]
        found = permissions(port(port_security_enabled=False, allowed_address_pairs=pairs), NETWORK)
        assert found == {"groups": None, "address_pairs": [], "port_security": False, "enabled": True}

    def test_either_may_be_down(self):
        assert not permissions(port(admin_state_up=False), NETWORK)["enabled"]
        assert not permissions(port(), dict(NETWORK, admin_state_up=False))["enabled"]

    def test_own_mac_goes_without_saying(self):
        pairs = [{"ip_address": "192.0.2.9/24", "mac_address": MAC.upper()}]
        found = permissions(port(allowed_address_pairs=pairs), NETWORK)
        assert found["address_pairs"] == [{"network": "192.0.2.0/24", "mac": None}]

    def test_ipv6_pairs_of_before_are_left_out(self):
        pairs = [{"ip_address": "2001:db8::1"}, {"ip_address": "192.0.2.1"}]
        found = permissions(port(allowed_address_pairs=pairs), NETWORK)
        assert [one["network"] for one in found["address_pairs"]] == ["192.0.2.1/32"]


class TestLease(unittest.TestCase):
    def test_what_nobody_says_is_not_told(self):
        expected = {"host_name": None, "domain": None, "nameservers": None, "mtu": None, "routes": [], "options": []}
        assert lease(port(), NETWORK, SUBNET) == dict(expected, offered=True)

    def test_options_of_before_that_are_not_possible_are_left_out(self):
        options = [{"opt_name": name, "opt_value": "x"} for name in ("nonsense", "67", "51")]
        assert lease(port(extra_dhcp_opts=options), NETWORK, SUBNET)["options"] == [{"number": 67, "value": "x"}]

    def test_names(self):
        def names(name, domain=""):
            found = lease(port(dns_name=name), dict(NETWORK, dns_domain=domain), SUBNET)
            return found["host_name"], found["domain"]

        assert names("") == (None, None)
        assert names("web", "example.org.") == ("web", "example.org")
        assert names("web.example.com.", "example.org.") == ("web", "example.com")


class TestBandwidth(unittest.TestCase):
    def test_no_policy(self):
        assert bandwidth([]) == {"egress": None, "ingress": None}

    def test_rules_of_before_that_are_not_possible_are_left_out(self):
        limit = {"type": "bandwidth_limit", "max_kbps": 10, "max_burst_kbps": 20, "direction": "ingress"}
        others = [{"type": "dscp_marking", "dscp_mark": 8}, dict(limit, max_kbps=0, direction="egress")]
        assert bandwidth([limit] + others) == {"egress": None, "ingress": {"rate": 10, "burst": 20}}

    def test_a_release_without_directions_means_what_a_guest_sends(self):
        limit = {"type": "bandwidth_limit", "max_kbps": 10, "max_burst_kbps": 0}
        assert bandwidth([limit]) == {"egress": {"rate": 10, "burst": 0}, "ingress": None}
