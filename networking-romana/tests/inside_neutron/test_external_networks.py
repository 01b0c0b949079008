"""External networks: whose addresses are Neutron's own, beside the address plan."""

from unittest import mock

from neutron.objects import network as objects
from neutron_lib import context as contexts
from neutron_lib.api.definitions import external_net, provider_net
from neutron_lib.plugins import directory

from networking_romana import l3

from .base import PLAN
from .test_own_networks import OwnNetworkTestCase

EXTERNAL = external_net.EXTERNAL
OUTSIDE = "172.24.4.0/24"
POOL = [{"start": "172.24.4.10", "end": "172.24.4.250"}]
OTHER_OUTSIDE = "198.51.100.0/24"


class ExternalTestCase(OwnNetworkTestCase):
    """The projects are `blue` and `red`, as there."""

    def make_external(self, name="public", cidr=OUTSIDE, **values):
        """An external network by an administrator, with a subnet. Its id."""
        network = self.make("networks", {"name": name, EXTERNAL: True})["id"]
        self.make_outside(network, cidr, **values)
        return network

    def make_outside(self, network, cidr=OUTSIDE, status=201, **values):
        """A subnet of an external network, or why it is refused."""
        return self.make("subnets", dict({"network_id": network, "cidr": cidr, "ip_version": 4}, **values), status)

    def policy(self, network, status=201, admin=True):
        """Access to a network as an external one, for another project; or why it is refused."""
        values = {"object_type": "network", "object_id": network, "action": "access_as_external"}
        body = {"rbac_policy": dict(values, target_tenant="another")}
        request = self.new_create_request("rbac-policies", body, tenant_id=self.project, as_admin=admin)
        answer = request.get_response(self.api)
        assert answer.status_int == status, answer.json
        return answer.json["rbac_policy"] if status == 201 else answer.json["NeutronError"]["message"]


class TestSubnet(ExternalTestCase):
    def test_has_a_gateway_and_pools_of_its_own(self):
        network = self.make("networks", {"name": "public", EXTERNAL: True})["id"]
        subnet = self.make_outside(network, allocation_pools=POOL)
        assert (subnet["gateway_ip"], subnet["allocation_pools"]) == ("172.24.4.1", POOL)
        assert self.romana.tenants() == []

    def test_gateway_may_be_chosen_or_left_out(self):
        network = self.make_external(gateway_ip="172.24.4.254")
        assert self.make_outside(network, OTHER_OUTSIDE, gateway_ip=None)["gateway_ip"] is None

    def test_may_be_of_a_pool_of_others_addresses(self):
        pool = self.make_pool(prefixes=[OTHER_OUTSIDE], min_prefixlen=26, max_prefixlen=26, name="outside")
        network = self.make("networks", {"name": "public", EXTERNAL: True})["id"]
        subnet = self.make("subnets", {"network_id": network, "subnetpool_id": pool, "ip_version": 4})
        assert subnet["cidr"] == "198.51.100.0/26"

    def test_of_the_plan_is_refused(self):
        network = self.make("networks", {"name": "public", EXTERNAL: True})["id"]
        for cidr in (PLAN, "10.9.0.0/16", "8.0.0.0/5"):
            said = self.make_outside(network, cidr, 400)
            assert said.startswith(
                "the subnet {} of an external network overlaps Romana's address plan 10.0.0.0/8".format(cidr)
            )
        said = self.make("subnets", {"network_id": network, "subnetpool_id": self.pool, "ip_version": 4}, 400)
        assert "overlaps Romana's address plan" in said
        assert self._list("subnets", as_admin=True)["subnets"] == []

    def test_ipv6_is_refused(self):
        network = self.make("networks", {"name": "public", EXTERNAL: True})["id"]
        assert "an external network has IPv4 alone" in self.make_outside(network, "2001:db8::/64", 400, ip_version=6)

    def test_overlap_with_another_external_network_is_refused(self):
        self.make_external()
        other = self.make("networks", {"name": "other", EXTERNAL: True})["id"]
        said = self.make_outside(other, "172.24.0.0/16", 400)
        assert said.startswith("the subnet 172.24.0.0/16 overlaps 172.24.4.0/24 of another external network")

    def test_pools_with_a_host_are_refused(self):
        network = self.make("networks", {"name": "public", EXTERNAL: True})["id"]
        said = self.make_outside(network, "192.0.2.0/24", 400)
        assert said.startswith("192.0.2.2 is the address of host host-b; give allocation pools")
        pools = [{"start": "192.0.2.100", "end": "192.0.2.200"}]
        subnet = self.make_outside(network, "192.0.2.0/24", allocation_pools=pools, gateway_ip="192.0.2.254")
        wide = [{"start": "192.0.2.1", "end": "192.0.2.200"}]
        said = self.change("subnets", subnet["id"], {"allocation_pools": wide}, 400)
        assert said.startswith("192.0.2.1 is the address of host host-a")

    def test_pools_change(self):
        network = self.make_external(allocation_pools=POOL)
        (subnet,) = self.read("networks", network)["subnets"]
        small = [{"start": "172.24.4.7", "end": "172.24.4.7"}]
        assert self.change("subnets", subnet, {"allocation_pools": small})["allocation_pools"] == small
        (found,) = self.gateway_port(network)["fixed_ips"]
        assert found["ip_address"] == "172.24.4.7"
        assert "No more IP addresses" in self.gateway_port(network, 409)

    def test_address_comes_back(self):
        one = [{"start": "172.24.4.7", "end": "172.24.4.7"}]
        network = self.make_external(allocation_pools=one)
        self.delete("ports", self.gateway_port(network)["id"])
        (found,) = self.gateway_port(network)["fixed_ips"]
        assert found["ip_address"] == "172.24.4.7"

    def test_may_be_deleted_and_made_again(self):
        network = self.make_external()
        (subnet,) = self.read("networks", network)["subnets"]
        self.delete("subnets", subnet)
        self.make_outside(network)

    def test_others_have_the_plan_as_ever(self):
        self.make_external()
        network = self.ask("networks", name="net0")["id"]
        assert "a subnet of 172.24.5.0/24 is not possible" in self.subnet(network, 400, cidr="172.24.5.0/24")
        assert self.subnet(network)["cidr"] == PLAN

    def gateway_port(self, network, status=201):
        """A port as a router's gateway has it."""
        return self.make_port(status, network_id=network, device_owner="network:router_gateway")


class TestNetwork(ExternalTestCase):
    def test_is_of_hosts_that_route(self):
        flat = {provider_net.NETWORK_TYPE: "flat", provider_net.PHYSICAL_NETWORK: "physnet1"}
        said = self.make("networks", dict(flat, name="n", **{EXTERNAL: True}), 400)
        assert said.startswith("a network of type flat is not possible")

    def test_is_refused_where_there_are_no_routers(self):
        with mock.patch.object(l3, "offered", return_value=False):
            said = self.make("networks", {"name": "n", EXTERNAL: True}, 400)
            assert said.startswith("a network cannot be external: there are no routers")
            said = self.change("networks", self.network_id, {EXTERNAL: True}, 400)
            assert said.startswith("a network cannot be external: there are no routers")

    def test_is_made_by_administrators_alone(self):
        body = {"network": {"name": "n", EXTERNAL: True}}
        request = self.new_create_request("networks", body, tenant_id=self.project)
        assert request.get_response(self.api).status_int == 403

    def test_becomes_so_and_ceases_to_be_while_it_is_empty(self):
        network = self.ask("networks", name="net0")["id"]
        self.change("networks", network, {EXTERNAL: True})
        self.make_outside(network)
        said = self.change("networks", network, {EXTERNAL: False}, 400)
        assert said.startswith("a network with subnets or ports stays external, or not")
        own = self.make_network("net1")
        assert "stays external, or not" in self.change("networks", own, {EXTERNAL: True}, 400)
        (subnet,) = self.read("networks", network)["subnets"]
        self.delete("subnets", subnet)
        assert not self.change("networks", network, {EXTERNAL: False})[EXTERNAL]
        self.subnet(network)
        assert self.segments() == ["default", "net1", "net0"]

    def test_segment_goes_when_it_becomes_so(self):
        network = self.make_network()
        (subnet,) = self.read("networks", network)["subnets"]
        self.delete("subnets", subnet)
        self.change("networks", network, {EXTERNAL: True})
        assert self.segments() == ["default"]

    def test_has_subnets_of_administrators_alone(self):
        """It may belong to a project: an administrator has made it external by giving access to it as such."""
        network = self.ask("networks", name="net0")["id"]
        policy = self.policy(network)
        assert self.read("networks", network)[EXTERNAL]
        said = self.ask("subnets", 403, network_id=network, cidr=OUTSIDE, ip_version=4)
        assert said == "only administrators make subnets of external networks"
        self.delete("rbac-policies", policy["id"])
        self.subnet(network)

    def test_becomes_so_by_administrators_alone(self):
        """Neutron makes a network external when access to it as such is given, which its owner may do by default."""
        network = self.ask("networks", name="net0")["id"]
        said = self.policy(network, 403, admin=False)
        assert said.startswith("only administrators make a network external, and give access to it as such")
        assert not self.read("networks", network)[EXTERNAL]
        theirs = self.ask("networks", name="net1", project=self.other_project)["id"]
        self.policy(theirs, 403, admin=False)
        self.policy(network)
        assert self.read("networks", network)[EXTERNAL]

    def test_does_not_become_so_by_access_while_it_is_in_use(self):
        with_subnet = self.make_network()
        with_port = self.ask("networks", name="net1")["id"]
        self.ask("ports", network_id=with_port)
        for network in (with_subnet, with_port):
            assert "a network with subnets or ports stays external, or not" in self.policy(network, 400)
            assert not self.read("networks", network)[EXTERNAL]
            assert objects.NetworkRBAC.get_objects(contexts.get_admin_context(), object_id=network) == []
        assert self.segments() == ["default", "net0"]

    def test_does_not_cease_to_be_with_the_last_access(self):
        network = self.make_external()
        (found,) = objects.NetworkRBAC.get_objects(contexts.get_admin_context(), object_id=network)
        assert "would not be external any more" in self.delete("rbac-policies", found.id, 409)
        self.policy(network)
        self.delete("rbac-policies", found.id)
        (other,) = objects.NetworkRBAC.get_objects(contexts.get_admin_context(), object_id=network)
        assert "would not be external any more" in self.delete("rbac-policies", other.id, 409)
        assert self.read("networks", network)[EXTERNAL]

    def test_name_changes(self):
        assert self.change("networks", self.make_external(), {"name": "n"})["name"] == "n"

    def test_is_deleted(self):
        self.delete("networks", self.make_external())


class TestPort(ExternalTestCase):
    def test_of_an_instance_is_refused_with_what_works(self):
        network = self.make_external()
        for owner in ("", "compute:nova", "network:dhcp"):
            said = self.make_port(400, network_id=network, device_owner=owner)
            assert said.startswith("a port on an external network is not possible: no instance is there")
        assert "give it a floating IP" in said
        assert self.romana.endpoints() == []

    def test_plugin_offers_what_hosts_do(self):
        assert list(directory.get_plugin("L3_ROUTER_NAT").supported_extension_aliases) == ["ext-gw-mode", "router"]
