"""A project's own network: made by its members, a segment of Romana, and gone with it."""

import socket
import uuid

from neutron_lib.api.definitions import portbindings
from oslo_config import cfg

from networking_romana import client, config
from networking_romana.follow import Follower

from .base import PLAN, RomanaTestCase
from .server import HOST, OTHER_HOST

PROFILE = {portbindings.PROFILE: {"romana_segment": "s1"}}


class OwnNetworkTestCase(RomanaTestCase):
    """The cloud has the default subnet pool; the project is `blue`, and another one `red`."""

    def begin(self):
        self.other_project = uuid.uuid4().hex
        self.services.add_project(self.project, "blue")
        self.services.add_project(self.other_project, "red")
        self.pool = self.make_pool(is_default=True)

    def make_pool(self, **values):
        wanted = {"name": "romana", "prefixes": [PLAN], "min_prefixlen": "8", "max_prefixlen": "8", "shared": True}
        return self.make("subnetpools", dict(dict(wanted, tenant_id="of nobody"), **values))["id"]

    def ask(self, collection, status=201, project=None, **values):
        """POST by a member of the project."""
        body = {collection[:-1]: values}
        request = self.new_create_request(collection, body, tenant_id=project or self.project)
        return self._content(request, collection, status)

    def make_network(self, name="net0", project=None, **values):
        """A network by a member, with a subnet of the default pool."""
        network = self.ask("networks", name=name, project=project)["id"]
        self.subnet(network, project=project, **values)
        return network

    def subnet(self, network, status=201, project=None, **values):
        wanted = {"network_id": network, "ip_version": 4}
        if "subnetpool_id" not in values and "cidr" not in values:
            wanted["use_default_subnetpool"] = True
        return self.ask("subnets", status, project, **dict(wanted, **values))

    def segments(self, tenant="blue"):
        return [one["name"] for one in self.romana.segments(tenant)]

    def boot(self, network, host=HOST, status=200, project=None, **values):
        """A port as Nova makes it for an instance on a network."""
        port = self.make_port(network_id=network, tenant_id=project or self.project)
        return self.bind(port["id"], host, status, **values)

    def remove(self, network):
        self.delete("networks", network)

    def synchronize(self):
        Follower(self.romana, self.plugin, config.settings()).synchronize()


def address(port):
    (fixed,) = port["fixed_ips"]
    return fixed["ip_address"]


class TestSubnet(OwnNetworkTestCase):
    def test_from_the_default_pool(self):
        network = self.ask("networks", name="net0")["id"]
        subnet = self.subnet(network)
        assert (subnet["cidr"], subnet["gateway_ip"], subnet["subnetpool_id"]) == (PLAN, None, self.pool)
        assert subnet["allocation_pools"] == [{"start": "10.0.0.1", "end": "10.255.255.254"}]
        assert subnet["enable_dhcp"]
        assert self.segments() == ["default", "net0"]
        assert self.romana.tenants(project_id=self.project)[0]["name"] == "blue"

    def test_from_a_pool_with_its_length(self):
        network = self.ask("networks", name="net0")["id"]
        assert self.subnet(network, subnetpool_id=self.pool, prefixlen=8)["cidr"] == PLAN

    def test_plan_as_range_on_every_network(self):
        first, second = (self.make_network(name, cidr=PLAN) for name in ("net0", "net1"))
        third = self.make_network("net2")
        assert self.make_subnet()["gateway_ip"] is None
        assert self.segments() == ["default", "net0", "net1", "net2"]
        assert len({first, second, third, self.network_id}) == 4

    def test_plan_as_range_and_of_the_pool(self):
        network = self.ask("networks", name="net0")["id"]
        assert self.subnet(network, subnetpool_id=self.pool, cidr=PLAN)["subnetpool_id"] == self.pool

    def test_other_ranges_are_refused_with_what_works(self):
        network = self.ask("networks", name="net0")["id"]
        works = (
            "is not possible: each is Romana's whole address plan; take it from the default subnet pool"
            " (--use-default-subnet-pool), or give it as range (--subnet-range 10.0.0.0/8)"
        )
        for cidr in ("10.0.0.0/16", "192.168.0.0/24"):
            assert self.subnet(network, 400, cidr=cidr) == "a subnet of {} {}".format(cidr, works)
        wide = self.make_pool(max_prefixlen=32)
        assert self.subnet(network, 400, subnetpool_id=wide, prefixlen=24) == "a subnet of length /24 " + works
        other = self.make_pool(prefixes=["192.0.2.0/24"], min_prefixlen=24, max_prefixlen=24)
        said = self.subnet(network, 400, subnetpool_id=other)
        assert said == "a subnet of a pool of 192.0.2.0/24 " + works
        assert self.romana.tenants() == []

    def test_gateway_is_the_plans_first_address(self):
        for name, values in (("net0", {"cidr": PLAN}), ("net1", {})):
            network = self.ask("networks", name=name)["id"]
            assert self.subnet(network, gateway_ip="10.0.0.1", **values)["gateway_ip"] == "10.0.0.1"

    def test_other_gateway_is_refused(self):
        network = self.ask("networks", name="net0")["id"]
        assert "the gateway 10.0.18.1 is not possible" in self.subnet(network, 400, cidr=PLAN, gateway_ip="10.0.18.1")

    def test_second_subnet_is_refused(self):
        network = self.make_network()
        for values in ({}, {"cidr": PLAN}, {"subnetpool_id": self.pool}):
            assert "overlaps with another subnet" in self.subnet(network, 400, **values)

    def test_quota_of_a_pool_counts_its_owners_subnets_as_ever(self):
        pool = self.make_pool(tenant_id=self.project, default_quota=1 << 24)
        self.make_network("net0", subnetpool_id=pool)
        network = self.ask("networks", name="net1")["id"]
        assert "quota" in self.subnet(network, 409, subnetpool_id=pool)

    def test_no_number_left_is_said_and_nothing_stays(self):
        for number in range(14):
            self.make_network("net{}".format(number))
        network = self.ask("networks", name="last")["id"]
        assert "no number is left for segment last of tenant blue" in self.subnet(network, 409)
        assert self.read("networks", network)["subnets"] == []

    def test_romana_server_that_is_away_is_said_and_nothing_stays(self):
        network = self.ask("networks", name="net0")["id"]
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.override("url", "https://127.0.0.1:{}".format(probe.getsockname()[1]), "romana")
        client._client = None
        assert "no answer from romana-server" in self.subnet(network, 503)
        assert self.read("networks", network)["subnets"] == []


class TestName(OwnNetworkTestCase):
    def test_of_the_network(self):
        self.make_network("Web-tier")
        assert self.segments() == ["default", "Web-tier"]

    def test_that_is_taken_gets_a_suffix(self):
        self.tenant()
        network = self.make_network("s1")
        again = self.make_network("s1")
        assert self.segments("tenant-" + self.project[:8])[3:] == ["s1-" + network[:8], "s1-" + again[:8]]

    def test_default_is_for_shared_networks(self):
        self.romana.create_tenant("blue", self.project)
        self.romana.create_segment("blue", "s1")
        network = self.make_network("default")
        assert self.segments() == ["s1", "default-" + network[:8]]

    def test_that_is_none_in_romana(self):
        network = self.make_network("two words")
        assert self.segments() == ["default", "network-" + network[:8]]

    def test_stays_when_the_network_gets_another(self):
        network = self.make_network()
        self.change("networks", network, {"name": "web"})
        self.boot(network)
        assert self.segments() == ["default", "net0"]

    def test_is_each_projects_own(self):
        self.make_network()
        self.make_network(project=self.other_project)
        assert (self.segments(), self.segments("red")) == (["default", "net0"], ["default", "net0"])


class TestPorts(OwnNetworkTestCase):
    def test_are_in_the_networks_segment(self):
        first, second = self.make_network("net0"), self.make_network("net1")
        here = [address(self.boot(first)), address(self.boot(first, OTHER_HOST)), address(self.boot(second))]
        assert here == ["10.0.18.3", "10.1.18.3", "10.0.19.3"]
        self.make_subnet()
        assert address(self.boot(self.network_id)) == "10.0.17.3"
        assert [one["segment"] for one in self.romana.endpoints()] == ["default", "net0", "net1", "net0"]
        assert {one["tenant"] for one in self.romana.endpoints()} == {"blue"}

    def test_are_told_the_same_by_dhcp_as_on_the_shared_network(self):
        self.make_subnet()
        self.boot(self.network_id)
        self.boot(self.make_network())
        shared, own = self.romana.endpoints()
        assert shared["lease"] == own["lease"]
        assert shared["permissions"] == own["permissions"]

    def test_property_of_an_instance_is_for_its_port_on_the_shared_network(self):
        self.tenant()
        port = self.make_port(network_id=self.make_network())
        self.services.set_metadata("instance", romanaSegment="s1")
        assert address(self.bind(port["id"], device_id="instance")).startswith("10.0.20.")

    def test_another_segment_is_refused(self):
        self.tenant()
        network = self.make_network()
        said = self.boot(network, status=400, **PROFILE)
        assert said.startswith("ports of this network are in its own segment net0, not in s1; take")
        port = self.make_port(network_id=network)
        self.tag(port["id"], "romana_segment=s1")
        assert "not in s1" in self.bind(port["id"], status=400)
        bound = self.boot(network)
        assert "not in s1" in self.change("ports", bound["id"], PROFILE, 400)

    def test_ports_on_the_shared_network_may_choose_it(self):
        self.make_subnet()
        network = self.make_network()
        here = address(self.boot(network))
        chosen = self.boot(self.network_id, **{portbindings.PROFILE: {"romana_segment": "net0"}})
        assert (here, address(chosen)) == ("10.0.18.3", "10.0.18.4")

    def test_moved_instance_stays_in_it(self):
        port = self.boot(self.make_network())
        moved = self.change("ports", port["id"], {portbindings.HOST_ID: OTHER_HOST})
        assert address(moved) == "10.1.18.3"
        assert [one["segment"] for one in self.romana.endpoints()] == ["net0"]

    def test_address_is_chosen_of_it_by_members(self):
        network = self.make_network()
        self.make_network("net1")
        port = self.ask("ports", network_id=network, fixed_ips=[{"ip_address": "10.0.18.77"}])
        assert address(port) == "10.0.18.77"
        said = self.ask("ports", 400, network_id=network, fixed_ips=[{"ip_address": "10.0.19.77"}])
        assert "10.0.19.77 is not in the segment net0" in said

    def test_of_a_project_with_whom_it_is_shared_are_in_it(self):
        network = self.make_network()
        self.share(network, self.other_project)
        self.boot(network)
        self.boot(network, project=self.other_project)
        assert [(one["tenant"], one["segment"]) for one in self.romana.endpoints()] == [("blue", "net0")] * 2

    def test_of_a_project_with_whom_it_is_shared_are_in_it_when_romana_server_has_lost_it(self):
        network = self.make_network()
        self.share(network, self.other_project)
        (segment,) = self.romana.all_segments(network_id=network)
        self.romana.delete_segment("blue", "net0", segment["generation"])
        body = {"port": {"network_id": network, "tenant_id": self.other_project}}
        request = self.new_create_request("ports", body, tenant_id=self.other_project)
        port = self._content(request, "ports", 201)
        self.bind(port["id"])
        assert [(one["tenant"], one["segment"]) for one in self.romana.endpoints()] == [("blue", "net0")]

    def test_keep_their_network_from_being_shared_with_everybody(self):
        network = self.make_network()
        self.boot(network)
        said = self.change("networks", network, {"shared": True}, 400)
        assert "a network that has ports stays shared with everybody, or not" in said

    def test_keep_their_network_from_being_shared_no_longer(self):
        self.make_subnet()
        port = self.boot(self.network_id)
        self.change("networks", self.network_id, {"shared": False}, 400)
        self.delete("ports", port["id"])
        self.change("networks", self.network_id, {"shared": False})
        self.boot(self.network_id)
        assert [one["segment"] for one in self.romana.endpoints()] == ["romana"]

    def test_of_a_network_that_everybody_shared_while_it_had_none_are_their_projects(self):
        network = self.make_network()
        self.change("networks", network, {"shared": True})
        assert self.segments() == ["default"]
        self.boot(network, project=self.other_project)
        assert [(one["tenant"], one["segment"]) for one in self.romana.endpoints()] == [("red", "default")]

    def share(self, network, project):
        policy = {"object_type": "network", "object_id": network, "action": "access_as_shared"}
        request = self.new_create_request(
            "rbac-policies", {"rbac_policy": dict(policy, target_tenant=project)}, tenant_id=self.project
        )
        assert request.get_response(self.api).status_int == 201


class TestOwner(OwnNetworkTestCase):
    """What who owns a network must not decide, as all guests are in one routed network."""

    def refused(self, collection, values, identifier=None):
        body = {collection[:-1]: values}
        if identifier:
            request = self.new_update_request(collection, body, identifier, tenant_id=self.project)
        else:
            request = self.new_create_request(collection, body, tenant_id=self.project)
        answer = request.get_response(self.api)
        assert answer.status_int == 403, values
        return answer.json["NeutronError"]["message"]

    def test_does_not_say_from_which_addresses_guests_send(self):
        network = self.make_network()
        port = self.ask("ports", network_id=network)["id"]
        for values, who in (
            ({"port_security_enabled": False}, "only administrators say whether ports have port security"),
            ({"allowed_address_pairs": [{"ip_address": "192.0.2.0/24"}]}, "only administrators give a port further"),
            ({"mac_address": "fa:16:3e:00:00:01"}, "only administrators choose a port's MAC address"),
        ):
            assert self.refused("ports", dict(values, network_id=network)).startswith(who)
            assert self.refused("ports", values, port).startswith(who)
        for identifier in (None, network):
            said = self.refused("networks", {"port_security_enabled": False}, identifier)
            assert said.startswith("only administrators say whether ports have port security")

    def test_makes_no_subnet_of_a_network_that_others_share(self):
        body = {"subnet": {"network_id": self.network_id, "cidr": PLAN, "ip_version": 4}}
        request = self.new_create_request("subnets", body, tenant_id=self.other_project)
        assert self._content(request, "subnets", 403).startswith(
            "only its project makes a subnet of a network; make a network of your own"
        )

    def test_gets_no_port_of_neutrons_own_services_for_an_instance(self):
        """Neutron makes such ports without port security, and owners of a network may make them."""
        network = self.make_network()
        interface = self.ask("ports", network_id=network, device_owner="network:router_interface")
        owners = ("network:router_interface", "network:dhcp", "network:router_gateway", "network:any")
        without_address = [self.ask("ports", network_id=network, device_owner=one, fixed_ips=[]) for one in owners]
        for port in [interface, *without_address]:
            assert not port["port_security_enabled"]
            for wanted in ("", "compute:nova"):
                body = {"port": {"device_owner": wanted}}
                request = self.new_update_request("ports", body, port["id"], tenant_id=self.project)
                assert "make another port" in self._content(request, "ports", 400)
            said = self.bind(port["id"], status=400)
            assert said.startswith("the port was made for a router, or another service of Neutron's")
            assert self.read("ports", port["id"])["device_owner"] == port["device_owner"]
        assert self.romana.endpoints() == []

    def test_gets_it_when_an_administrator_gives_it_port_security(self):
        port = self.ask("ports", network_id=self.make_network(), device_owner="network:router_interface")
        self.change("ports", port["id"], {"port_security_enabled": True, "device_owner": ""})
        assert address(self.bind(port["id"])) == "10.0.18.3"
        assert self.romana.endpoints()[0]["permissions"]["port_security"]


class TestDeletion(OwnNetworkTestCase):
    def test_gives_the_number_back(self):
        network = self.make_network()
        number = self.romana.all_segments(network_id=network)[0]["number"]
        self.remove(network)
        assert self.segments() == ["default"]
        again = self.make_network("net1")
        assert self.romana.all_segments(network_id=again)[0]["number"] == number

    def test_of_a_network_without_segment(self):
        self.make_subnet()
        self.remove(self.network_id)
        self.remove(self.ask("networks", name="without a subnet")["id"])
        assert self.romana.all_segments() == []

    def test_of_a_shared_network_leaves_segments(self):
        self.make_subnet()
        self.delete("ports", self.boot(self.network_id)["id"])
        self.remove(self.network_id)
        assert self.segments() == ["default"]

    def test_that_romana_server_does_not_hear_of_is_made_good(self):
        network, other = self.make_network("net0"), self.make_network("net1")
        right = cfg.CONF.romana.url
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.override("url", "https://127.0.0.1:{}".format(probe.getsockname()[1]), "romana")
        client._client = None
        self.remove(network)
        self.override("url", right, "romana")
        client._client = None
        assert self.segments() == ["default", "net0", "net1"]
        self.synchronize()
        assert self.segments() == ["default", "net1"]
        assert self.romana.all_segments(network_id=other)[0]["name"] == "net1"

    def test_waits_for_what_names_the_segment(self):
        network = self.make_network()
        side = {"tenant": "blue", "segment": "net0"}
        policy = {"name": "p", "source": {"cidr": "192.0.2.0/24"}, "target": side, "protocol": "any"}
        self.romana._send("POST", "/v1/policies", body=policy)
        self.remove(network)
        self.synchronize()
        assert self.segments() == ["default", "net0"]
        self.romana._send("DELETE", "/v1/policies/p")
        self.synchronize()
        assert self.segments() == ["default"]

    def test_segment_of_a_network_is_made_again_with_its_next_port(self):
        network = self.make_network()
        self.romana.delete_segment("blue", "net0", self.romana.all_segments()[-1]["generation"])
        self.synchronize()
        self.boot(network)
        assert self.segments() == ["default", "net0"]
