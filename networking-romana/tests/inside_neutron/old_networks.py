"""A project's own networks under a Neutron of old."""

from __future__ import absolute_import

from .old_neutron import SUBNET, OldNeutronTestCase


class TestOwnNetworks(OldNeutronTestCase):
    def make_network(self, name, **subnet):
        network = self.make("network", name=name)["id"]
        self.make("subnet", network_id=network, **dict(SUBNET, **subnet))
        return network

    def pool(self, *prefixes):
        return self.make("subnetpool", name="p", prefixes=prefixes, min_prefixlen="8", max_prefixlen="8")["id"]

    def segments(self):
        (tenant,) = self.romana.tenants(project_id=self.project)
        return [one["name"] for one in self.romana.segments(tenant["name"])]

    def test_are_segments(self):
        first, second = self.make_network("net0"), self.make_network("net1")
        assert self.segments() == ["default", "net0", "net1"]
        for network in (first, second, self.network):
            self.make_port(network_id=network)
        assert [one["segment"] for one in self.romana.endpoints()] == ["default", "net0", "net1"]

    def test_are_gone_with_their_network(self):
        network = self.make_network("net0")
        self.remove("network", network)
        assert self.segments() == ["default"]

    def test_subnet_of_a_pool_is_the_plan(self):
        network = self.make("network", name="net0")["id"]
        pool = self.pool("10.0.0.0/8")
        subnet = self.make("subnet", network_id=network, ip_version=4, subnetpool_id=pool)
        assert (subnet["cidr"], subnet["gateway_ip"]) == ("10.0.0.0/8", None)
        assert self.segments() == ["default", "net0"]
        self.remove("network", network)
        self.remove("subnetpool", pool)

    def test_other_subnets_are_refused(self):
        network = self.make("network", name="net0")["id"]
        said = self.make("subnet", 400, network_id=network, **dict(SUBNET, cidr="192.0.2.0/24"))
        assert said.startswith("a subnet of 192.0.2.0/24 is not possible: each is Romana's whole address plan")
        pool = self.pool("20.0.0.0/8")
        said = self.make("subnet", 400, network_id=network, ip_version=4, subnetpool_id=pool)
        assert said.startswith("a subnet of a pool of 20.0.0.0/8 is not possible")
        self.remove("subnetpool", pool)

    def test_gateway_of_a_range_is_the_plans_first_address(self):
        network = self.make("network", name="net0")["id"]
        subnet = self.make("subnet", network_id=network, cidr="10.0.0.0/8", ip_version=4)
        assert subnet["gateway_ip"] == "10.0.0.1"
        self.remove("network", network)
