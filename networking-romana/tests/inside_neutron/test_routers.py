"""Routers: what romana-server is told of them, by whose request, and what is refused."""

import uuid
from unittest import mock

from neutron_lib.api.definitions import portbindings
from oslo_config import cfg
from oslo_serialization import jsonutils

from networking_romana import client, routers
from networking_romana.client import RomanaClient

from .server import environment
from .test_external_networks import OTHER_OUTSIDE, ExternalTestCase
from .test_own_networks import address

OWNER = "network:router_interface"


class RouterTestCase(ExternalTestCase):
    """The project `blue` has the network net0."""

    def begin(self):
        self.public = self.make_external(allocation_pools=[{"start": "172.24.4.10", "end": "172.24.4.250"}])
        self.network = self.make_network()

    def make_router(self, *networks, project=None, **values):
        """A router by a member, in which networks are. Its id."""
        made = self.ask("routers", project=project, name="r0", **values)["id"]
        for network in networks:
            self.join(made, network, project=project)
        return made

    def join(self, router, network, status=200, project=None, action="add", **values):
        """Add the subnet of a network to a router, or take it out; by a member."""
        if not values:
            (subnet,) = self.read("networks", network)["subnets"]
            values = {"subnet_id": subnet}
        return self.act(router, action, values, status, project)

    def act(self, router, action, values, status=200, project=None):
        request = self.new_action_request(
            "routers", values, router, action + "_router_interface", tenant_id=project or self.project
        )
        answer = request.get_response(self.api)
        content = jsonutils.loads(answer.body)
        assert answer.status_int == status, content
        return content["NeutronError"]["message"] if status >= 300 else content

    def put(self, collection, identifier, status=200, project=None, **values):
        """PUT by a member."""
        body = {collection[:-1]: values}
        request = self.new_update_request(collection, body, identifier, tenant_id=project or self.project)
        return self._content(request, collection, status)

    def remove_router(self, router, status=204, project=None):
        request = self.new_delete_request("routers", router, tenant_id=project or self.project)
        return self._content(request, "routers", status)

    def open(self, router, status=200, project=None, **values):
        """Give a router a gateway."""
        gateway = dict({"network_id": self.public}, **values)
        return self.put("routers", router, status, project, external_gateway_info=gateway)

    def told(self):
        """The routers of romana-server: id, segments, whether they lead outside."""
        return [
            (one["id"], ["{tenant}/{segment}".format(**place) for place in one["segments"]], one["outside"])
            for one in self.romana.routers()
        ]

    def interfaces(self, router):
        found = self._list("ports", query_params="device_id=" + router, as_admin=True)["ports"]
        return [port for port in found if port["device_owner"] == OWNER]

    def away(self):
        """romana-server does not answer Neutron."""
        nowhere = RomanaClient("https://127.0.0.1:1", environment("CA_FILE"), cfg.CONF.romana.token_file, 1)
        return mock.patch.object(client, "_client", nowhere)


class TestInterface(RouterTestCase):
    def test_joins_networks(self):
        other = self.make_network("net1")
        router = self.make_router(self.network, other)
        assert self.told() == [(router, ["blue/net0", "blue/net1"], False)]
        (known,) = self.romana.routers()
        assert (known["name"], known["project_id"]) == ("r0", self.project)

    def test_has_an_address_that_no_endpoint_gets(self):
        (port,) = self.interfaces(self.make_router(self.network))
        assert address(port) == "10.0.18.1"
        assert (port["status"], port[portbindings.VIF_TYPE]) == ("ACTIVE", "unbound")
        assert self.romana.endpoints() == []
        assert address(self.boot(self.network)) == "10.0.18.3"

    def test_second_router_has_another_address_and_a_third_is_refused(self):
        for expected in ("10.0.18.1", "10.0.18.2"):
            (port,) = self.interfaces(self.make_router(self.network))
            assert address(port) == expected
        third = self.make_router()
        assert "a network is in 2 routers at most" in self.join(third, self.network, 409)
        assert (third, [], False) in self.told()

    def test_address_is_free_again(self):
        router = self.make_router(self.network)
        self.join(router, self.network, action="remove")
        (port,) = self.interfaces(self.make_router(self.network))
        assert address(port) == "10.0.18.1"

    def test_is_a_port_without_address(self):
        port = self.ask("ports", network_id=self.network)
        router = self.make_router()
        assert self.join(router, self.network, port_id=port["id"])["port_id"] == port["id"]
        assert address(self.read("ports", port["id"])) == "10.0.18.1"
        assert self.told() == [(router, ["blue/net0"], False)]
        self.join(router, self.network, action="remove", port_id=port["id"])
        assert self.told() == [(router, [], False)]

    def test_port_that_is_refused_is_as_it_was(self):
        router = self.make_router(self.network)
        port = self.ask("ports", network_id=self.network)
        assert "is in this router already" in self.join(router, self.network, 400, port_id=port["id"])
        after = self.read("ports", port["id"])
        assert (after["fixed_ips"], after["device_id"], after["device_owner"]) == ([], "", "")
        assert address(self.bind(port["id"])) == "10.0.18.3"

    def test_port_without_port_security_is_refused_and_is_as_it_was(self):
        port = self.make_port(network_id=self.network, tenant_id=self.project, port_security_enabled=False)
        said = self.join(self.make_router(), self.network, 400, port_id=port["id"])
        assert said.startswith("a port without port security that was not made for a router")
        after = self.read("ports", port["id"])
        assert (after["device_id"], after["device_owner"]) == ("", "")

    def test_port_that_was_made_for_a_router_is_one_s(self):
        port = self.ask("ports", network_id=self.network, device_owner=OWNER)
        router = self.make_router()
        self.join(router, self.network, port_id=port["id"])
        assert self.told() == [(router, ["blue/net0"], False)]

    def test_port_does_not_become_an_instance_s(self):
        """It has no port security, and who owns the network may change what it is for."""
        router = self.make_router(self.network)
        (port,) = self.interfaces(router)
        self.put("ports", port["id"], device_id="")
        assert "make another port" in self.put("ports", port["id"], 400, device_owner="")
        assert "make another port" in self.bind(port["id"], status=400)
        assert self.romana.endpoints() == []

    def test_port_of_an_instance_is_refused(self):
        port = self.boot(self.network)
        self.join(self.make_router(), self.network, 409, port_id=port["id"])

    def test_network_twice_is_refused(self):
        router = self.make_router(self.network)
        assert "is in this router already" in self.join(router, self.network, 400)
        assert len(self.interfaces(router)) == 1

    def test_network_that_everybody_shares_is_refused(self):
        self.make_subnet()
        port = self.ask("ports", network_id=self.network_id)
        for values in ({}, {"port_id": port["id"]}):
            said = self.join(self.make_router(), self.network_id, 400, **values)
            assert said.startswith("a network that everybody shares is in no router")

    def test_external_network_is_refused(self):
        said = self.join(self.make_router(), self.public, 400)
        assert said.startswith("an external network is no router's interface but its gateway")

    def test_others_network_is_refused(self):
        theirs = self.make_network(project=self.other_project)
        router = self.make_router()
        self.join(router, theirs, 404)
        values = {"subnet_id": self.read("networks", theirs)["subnets"][0]}
        self.act(self.make_router(project=self.other_project), "add", values, 404)
        assert ["red/net0"] not in [segments for _, segments, _ in self.told()]

    def test_others_network_that_is_shared_with_the_project_joins(self):
        theirs = self.make_network(project=self.other_project)
        policy = {"object_type": "network", "object_id": theirs, "action": "access_as_shared"}
        body = {"rbac_policy": dict(policy, target_tenant=self.project)}
        request = self.new_create_request("rbac-policies", body, tenant_id=self.other_project)
        assert request.get_response(self.api).status_int == 201
        router = self.make_router(self.network, theirs)
        assert self.told() == [(router, ["blue/net0", "red/net0"], False)]

    def test_port_that_only_says_so_joins_nothing(self):
        """Who owns a network may say anything of its ports."""
        router = self.make_router(self.network)
        theirs = self.make_network(project=self.other_project)
        self.make_port(network_id=theirs, tenant_id=self.other_project, device_owner=OWNER, device_id=router)
        routers.bring(router)
        assert self.told() == [(router, ["blue/net0"], False)]

    def test_address_stays(self):
        router = self.make_router(self.network)
        (port,) = self.interfaces(router)
        for wanted in ([], [{"ip_address": "10.0.18.9"}]):
            said = self.change("ports", port["id"], {"fixed_ips": wanted}, 400)
            assert said.startswith("the address of a router's interface stays as it is")
        assert self.change("ports", port["id"], {"name": "n"})["name"] == "n"
        (there,) = port["fixed_ips"]
        by_subnet = {"fixed_ips": [{"subnet_id": there["subnet_id"]}]}
        assert self.change("ports", port["id"], by_subnet)["fixed_ips"] == [there]

    def test_is_not_deleted_by_itself(self):
        (port,) = self.interfaces(self.make_router(self.network))
        self.delete("ports", port["id"], 409)

    def test_network_in_a_router_stays(self):
        router = self.make_router(self.network)
        self.delete("networks", self.network, 409)
        self.join(router, self.network, action="remove")
        self.remove_router(router)
        self.delete("networks", self.network)
        assert self.told() == []

    def test_is_no_stray(self):
        router = self.make_router(self.network)
        self.override("grace", 1, "romana")
        self.synchronize()
        (port,) = self.interfaces(router)
        assert (address(port), port["status"]) == ("10.0.18.1", "ACTIVE")


class TestRouter(RouterTestCase):
    def test_gateway_leads_outside(self):
        router = self.make_router(self.network)
        gateway = self.open(router)["external_gateway_info"]
        (fixed,) = gateway["external_fixed_ips"]
        assert fixed["ip_address"].startswith("172.24.4.")
        assert gateway["enable_snat"]
        assert self.told() == [(router, ["blue/net0"], True)]
        self.put("routers", router, external_gateway_info=None)
        assert self.told() == [(router, ["blue/net0"], False)]

    def test_gateway_from_the_start(self):
        router = self.make_router(external_gateway_info={"network_id": self.public})
        assert self.told() == [(router, [], True)]
        found = self._list("ports", query_params="device_id=" + router, as_admin=True)["ports"]
        assert [port["status"] for port in found] == ["ACTIVE"]

    def test_gateway_without_an_address_leads_nowhere(self):
        """Its network is a member's own, without a subnet: administrators alone make subnets of external networks."""
        own = self.ask("networks", name="net1")["id"]
        self.policy(own)
        router = self.make_router(self.network)
        assert self.open(router, network_id=own)["external_gateway_info"]["external_fixed_ips"] == []
        assert self.told() == [(router, ["blue/net0"], False)]
        self.synchronize()
        assert self.told() == [(router, ["blue/net0"], False)]
        self.make_outside(own, OTHER_OUTSIDE)
        self.put("routers", router, external_gateway_info=None)
        self.open(router, network_id=own)
        assert self.told() == [(router, ["blue/net0"], True)]

    def test_gateway_has_another_address(self):
        router = self.make_router(external_gateway_info={"network_id": self.public})
        wanted = [{"ip_address": "172.24.4.99"}]
        gateway = {"network_id": self.public, "external_fixed_ips": wanted}
        changed = self.change("routers", router, {"external_gateway_info": gateway})
        (fixed,) = changed["external_gateway_info"]["external_fixed_ips"]
        assert fixed["ip_address"] == "172.24.4.99"

    def test_gateway_with_two_addresses_is_refused(self):
        wanted = [{"ip_address": "172.24.4.98"}, {"ip_address": "172.24.4.99"}]
        gateway = {"network_id": self.public, "external_fixed_ips": wanted}
        refused = "a port has one address, not 2; make another port"
        assert self.make("routers", {"name": "r", "external_gateway_info": gateway}, 400) == refused
        router = self.make_router(self.network, external_gateway_info={"network_id": self.public})
        before = self.read("routers", router)
        assert self.change("routers", router, {"external_gateway_info": gateway}, 400) == refused
        assert self.read("routers", router) == before

    def test_gateway_on_a_project_s_network_is_refused(self):
        self.put("routers", self.make_router(), 400, external_gateway_info={"network_id": self.network})

    def test_gateway_without_source_nat_is_refused(self):
        gateway = {"network_id": self.public, "enable_snat": False}
        said = self.make("routers", {"name": "r", "external_gateway_info": gateway}, 400)
        assert said.startswith("a gateway without source NAT is not possible")
        assert "without source NAT" in self.change(
            "routers", self.make_router(), {"external_gateway_info": gateway}, 400
        )
        body = {"router": {"external_gateway_info": gateway}}
        request = self.new_update_request("routers", body, self.make_router(), tenant_id=self.project)
        assert "without source NAT" in self._content(request, "routers", 400)  # to its owner in these words, too
        self.override("enable_snat_by_default", False)
        assert self.open(self.make_router())["external_gateway_info"]["enable_snat"]

    def test_what_no_host_does_is_unknown(self):
        for values in ({"distributed": True}, {"ha": True}, {"flavor_id": str(uuid.uuid4())}):
            said = self.make("routers", dict({"name": "r"}, **values), 400)
            assert "Unrecognized attribute" in said
        routes = [{"destination": "198.51.100.0/24", "nexthop": "10.0.18.9"}]
        assert "Unrecognized attribute" in self.change("routers", self.make_router(), {"routes": routes}, 400)

    def test_name_and_project_are_told(self):
        router = self.make_router(self.network)
        self.put("routers", router, name="r1")
        assert [one["name"] for one in self.romana.routers()] == ["r1"]

    def test_set_down_it_joins_nothing(self):
        router = self.make_router(self.network, external_gateway_info={"network_id": self.public})
        self.put("routers", router, admin_state_up=False)
        assert self.told() == [(router, [], False)]
        self.put("routers", router, admin_state_up=True)
        assert self.told() == [(router, ["blue/net0"], True)]

    def test_is_deleted(self):
        router = self.make_router(self.network, external_gateway_info={"network_id": self.public})
        self.remove_router(router, 409)
        self.join(router, self.network, action="remove")
        self.remove_router(router)
        assert self.told() == []
        assert self._list("ports", as_admin=True)["ports"] == []

    def test_others_router_is_not_there(self):
        router = self.make_router(self.network)
        self.put("routers", router, 404, project=self.other_project, name="mine")
        self.remove_router(router, 404, project=self.other_project)
        self.act(router, "remove", {"port_id": self.interfaces(router)[0]["id"]}, 404, self.other_project)
        assert self.told() == [(router, ["blue/net0"], False)]

    def test_quota(self):
        self.override("quota_router", 1, "QUOTAS")
        self.make_router()
        self.ask("routers", 409, name="r1")
        self.make_router(project=self.other_project)


class TestAway(RouterTestCase):
    def test_what_romana_server_did_not_hear_is_made_good(self):
        first, second = self.make_router(self.network), self.make_router()
        with self.away():
            self.open(first)
            self.remove_router(second)
            third = self.make_router()
        assert (first, ["blue/net0"], False) in self.told()
        self.synchronize()
        assert sorted(self.told()) == sorted([(first, ["blue/net0"], True), (third, [], False)])

    def test_what_romana_server_lost_is_made_good(self):
        router = self.make_router(self.network)
        self.romana.delete_router(router)
        self.synchronize()
        assert self.told() == [(router, ["blue/net0"], False)]
        before = self.romana.routers()
        self.synchronize()
        assert self.romana.routers() == before

    def test_segment_that_romana_server_lost_is_made_again(self):
        router = self.make_router(self.network)
        (found,) = self.romana.all_segments(network_id=self.network)
        self.romana.delete_segment(found["tenant"], found["name"], found["generation"])
        assert self.told() == [(router, [], False)]
        self.synchronize()
        assert self.told() == [(router, ["blue/net0"], False)]

    def test_interface_without_an_answer_is_refused(self):
        router = self.make_router()
        with self.away():
            self.join(router, self.network, 503)
        assert self.interfaces(router) == []

    def test_routers_of_others_stay(self):
        self.romana.put_router("theirs", {"name": None, "project_id": None, "segments": [], "outside": False})
        self.synchronize()
        assert self.told() == [("theirs", [], False)]

    def test_request_that_neutron_repeats_joins_once(self):
        router = self.make_router(self.network)
        for _ in range(2):
            routers.bring(router)
        assert self.told() == [(router, ["blue/net0"], False)]
