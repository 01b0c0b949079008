"""Attributes of ports, networks, subnets, ...: each has its effect, or is refused with a sentence."""

import re
from pathlib import Path

from neutron_lib.api import attributes
from neutron_lib.api.definitions import portbindings
from neutron_lib.plugins import directory

from networking_romana import mechanism

from .base import RomanaTestCase

PAGE = Path(__file__).parents[3] / "docs/reference/neutron-attributes.md"


class AttributesTestCase(RomanaTestCase):
    def begin(self):
        self.services.add_project(self.project, "blue")

    def lease(self):
        (endpoint,) = self.romana.endpoints()
        return endpoint["lease"]


class TestLease(AttributesTestCase):
    def test_what_a_subnet_says(self):
        routes = [{"destination": "198.51.100.0/24", "nexthop": "10.0.17.9"}]
        subnet = self.make_subnet(dns_nameservers=["192.0.2.53"], host_routes=routes)
        self.make_bound_port()
        found = self.lease()
        assert found["nameservers"] == ["192.0.2.53"]
        assert found["routes"] == [{"destination": "198.51.100.0/24", "via": "10.0.17.9"}]
        assert found["offered"]
        self.change("subnets", subnet["id"], {"dns_nameservers": [], "host_routes": []})
        assert (self.lease()["nameservers"], self.lease()["routes"]) == (None, [])

    def test_a_subnet_without_dhcp(self):
        subnet = self.make_subnet(enable_dhcp=False)
        self.make_bound_port()
        assert not self.lease()["offered"]
        self.change("subnets", subnet["id"], {"enable_dhcp": True})
        assert self.lease()["offered"]

    def test_mtu_of_the_network(self):
        self.make_subnet()
        self.make_bound_port()
        self.change("networks", self.network_id, {"mtu": 1400})
        assert self.lease()["mtu"] == 1400

    def test_options_of_a_port(self):
        self.make_subnet()
        options = [{"opt_name": "ntp-server", "opt_value": "192.0.2.1"}, {"opt_name": "150", "opt_value": "192.0.2.2"}]
        port = self.make_port(extra_dhcp_opts=options)
        self.bind(port["id"])
        assert self.lease()["options"] == [
            {"number": 42, "value": "192.0.2.1"},
            {"number": 150, "value": "192.0.2.2"},
        ]
        self.change("ports", port["id"], {"extra_dhcp_opts": [{"opt_name": "150", "opt_value": None}]})
        assert self.lease()["options"] == [{"number": 42, "value": "192.0.2.1"}]


class TestRefusals(AttributesTestCase):
    def begin(self):
        self.make_subnet()

    def check(self, said, **values):
        assert said in self.make_port(400, **values)
        port = self.make_port()
        assert said in self.change("ports", port["id"], values, 400)

    def test_vnic_type(self):
        self.check("a port of vnic type direct is not possible", **{portbindings.VNIC_TYPE: "direct"})

    def test_dhcp_options(self):
        def option(name, value="x"):
            return {"extra_dhcp_opts": [{"opt_name": name, "opt_value": value}]}

        self.check("DHCP option nonsense is not possible", **option("nonsense"))
        self.check("DHCP option 51 is not possible", **option("51"))
        self.check("the value of DHCP option 67 is not possible", **option("67", "a b"))
        six = [{"opt_name": "67", "opt_value": "x", "ip_version": 6}]
        self.check("DHCP option 67 is for IPv6", extra_dhcp_opts=six)

    def test_ipv6_address_pairs(self):
        pairs = [{"ip_address": "2001:db8::1"}]
        self.check("the address pair 2001:db8::1 is not possible", allowed_address_pairs=pairs)

    def test_ipv6_subnets(self):
        values = {"cidr": "2001:db8::/64", "ip_version": 6}
        assert "whole address plan" in self.make_subnet(status=400, **values)

    def test_extensions_without_effect_are_not_there(self):
        assert mechanism.WITHOUT_EFFECT.isdisjoint(directory.get_plugin().supported_extension_aliases)

    def test_names_are_unknown(self):
        assert "dns_name" in self.make_port(400, dns_name="web")
        assert "dns_domain" in self.make("networks", {"name": "n", "dns_domain": "example.org."}, 400)

    def test_stateless_groups_are_unknown(self):
        said = self.make("security-groups", {"name": "g", "stateful": False}, 400)
        assert "stateful" in said


class TestPage(AttributesTestCase):
    def test_it_has_all_that_can_be_given(self):
        sections = PAGE.read_text().split("\n## ")
        missing = []
        for collection in ("ports", "networks", "subnets", "subnetpools", "routers", "floatingips"):
            (section,) = (one for one in sections if one.lower().replace(" ", "").startswith(collection + "\n"))
            named = set(re.findall(r"`([^`]+)`", "".join(re.findall(r"^\|(.*?)\|", section, re.MULTILINE))))
            taken = attributes.RESOURCES[collection].items()
            given = {name for name, detail in taken if detail["allow_post"] or detail["allow_put"]}
            given.discard("project_id")  # another name of tenant_id, which Neutron knows from some request on
            missing += [collection + ": " + name for name in sorted(given - named)]
        assert not missing, "\n".join(missing)
