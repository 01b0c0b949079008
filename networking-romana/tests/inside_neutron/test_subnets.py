"""What a subnet has to look like. Those of a project's own networks: test_own_networks."""

from neutron.db import segments_db as db
from neutron_lib import context

from .base import RomanaTestCase


class TestSubnets(RomanaTestCase):
    def test_whole_plan_without_gateway(self):
        assert self.make_subnet()["cidr"] == "10.0.0.0/8"

    def test_other_cidr_is_refused(self):
        for cidr in ("10.0.0.0/16", "192.168.0.0/16"):
            assert "a subnet of {} is not possible".format(cidr) in self.make_subnet(cidr=cidr, status=400)

    def test_ipv6_is_refused(self):
        assert "whole address plan" in self.make_subnet(cidr="2001:db8::/64", ip_version=6, status=400)

    def test_second_subnet_is_refused(self):
        self.make_subnet()
        assert "overlaps with another subnet" in self.make_subnet(status=400)

    def test_gateway_that_neutron_would_choose_stands_for_each_host(self):
        subnet = self.make_subnet(gateway_ip="10.0.0.1")
        assert subnet["gateway_ip"] == "10.0.0.1"
        assert subnet["allocation_pools"] == [{"start": "10.0.0.2", "end": "10.255.255.254"}]
        self.tenant()
        self.make_bound_port()
        (endpoint,) = self.romana.endpoints()
        assert "10.0.0.1" not in str(endpoint["lease"])
        assert self.change("subnets", subnet["id"], {"gateway_ip": None})["gateway_ip"] is None

    def test_other_gateway_is_refused(self):
        assert "the gateway 10.0.0.2 is not possible" in self.make_subnet(gateway_ip="10.0.0.2", status=400)

    def test_other_gateway_is_refused_later(self):
        subnet = self.make_subnet()
        said = self.change("subnets", subnet["id"], {"gateway_ip": "192.0.2.1"}, 400)
        assert "give 10.0.0.1, which stands for each host" in said

    def test_own_allocation_pools_are_refused(self):
        pools = [{"start": "10.0.17.3", "end": "10.0.17.9"}]
        assert "allocation pools" in self.make_subnet(allocation_pools=pools, status=400)

    def test_segment_of_neutrons_is_refused(self):
        (found,) = db.get_network_segments(context.get_admin_context(), self.network_id)
        assert "cannot be of a network segment of Neutron's" in self.make_subnet(segment_id=found["id"], status=400)
        subnet = self.make_subnet()
        said = self.change("subnets", subnet["id"], {"segment_id": found["id"]}, 400)
        assert "cannot be of a network segment of Neutron's" in said

    def test_services_of_a_subnet_are_heard(self):
        self.make_subnet(service_types=["compute:nova"])
        self.make_port(device_owner="compute:nova")
        assert "No valid service subnet" in self.make_port(409, device_owner="baremetal:none")

    def test_name_changes(self):
        subnet = self.make_subnet()
        assert self.change("subnets", subnet["id"], {"name": "s"})["name"] == "s"

    def test_subnet_may_be_made_again(self):
        self.delete("subnets", self.make_subnet()["id"])
        self.make_subnet()

    def test_subnet_with_ports_stays(self):
        subnet = self.make_subnet()
        self.tenant()
        self.make_bound_port()
        self.delete("subnets", subnet["id"], 409)
