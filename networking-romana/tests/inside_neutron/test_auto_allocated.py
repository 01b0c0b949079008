"""The topology that Neutron makes for a project by itself: a network, and a router to the default external network."""

from .base import PLAN
from .test_external_networks import EXTERNAL, OTHER_OUTSIDE
from .test_routers import RouterTestCase

ALIAS = "auto-allocated-topology"


class TestTopology(RouterTestCase):
    """The members of `blue` have made a network of their own, those of `red` none."""

    def test_of_a_member_leads_outside_by_the_default_external_network(self):
        self.by_default()
        network = self.allocate()["id"]
        found = self.read("networks", network)
        assert (found["tenant_id"], found["shared"], found["admin_state_up"]) == (self.other_project, False, True)
        (subnet,) = found["subnets"]
        assert (self.read("subnets", subnet)["cidr"], self.segments("red")) == (PLAN, ["default", found["name"]])
        ((router, segments, outside),) = self.told()
        assert (segments, outside) == (["red/" + found["name"]], True)
        assert self.read("routers", router)["external_gateway_info"]["network_id"] == self.public
        self.boot(network, project=self.other_project)
        assert [segment for _, _, segment, _ in self.endpoints()] == [found["name"]]

    def test_is_made_once(self):
        self.by_default()
        assert self.allocate() == self.allocate()
        assert len(self.told()) == 1

    def test_goes_with_all_of_it(self):
        self.by_default()
        self.allocate()
        request = self.new_delete_request(ALIAS, self.other_project, tenant_id=self.other_project)
        assert request.get_response(self.api).status_int == 204
        assert (self.told(), self.segments("red")) == ([], ["default"])

    def test_what_it_lacks_is_said_by_neutron_before_anything_is_made(self):
        assert "No default router:external network" in self.allocate(409)
        assert "No default router:external network" in self.allocate(409, fields=["dry-run"])
        self.by_default()
        self.allocate(fields=["dry-run"])
        self.change("subnetpools", self.pool, {"is_default": False})
        assert "No default subnetpools defined" in self.allocate(409, fields=["dry-run"])
        assert {one["name"] for one in self._list("networks", as_admin=True)["networks"]} == {"public", "net0"}
        assert self.told() == []

    def test_one_external_network_is_the_default_from_its_beginning(self):
        first = self.make("networks", {"name": "n", EXTERNAL: True, "is_default": True})
        self.make_outside(first["id"], OTHER_OUTSIDE)
        assert "already exists" in self.change("networks", self.public, {EXTERNAL: True, "is_default": True}, 409)
        self.allocate()
        ((router, _, _),) = self.told()
        assert self.read("routers", router)["external_gateway_info"]["network_id"] == first["id"]

    def by_default(self):
        self.change("networks", self.public, {EXTERNAL: True, "is_default": True})

    def allocate(self, status=200, **values):
        """The topology, by a member of `red`; or what Neutron says."""
        request = self.new_show_request(ALIAS, self.other_project, tenant_id=self.other_project, **values)
        answer = request.get_response(self.api)
        assert answer.status_int == status, answer.json
        return answer.json["auto_allocated_topology"] if status == 200 else answer.json["NeutronError"]["message"]


class TestOffer(RouterTestCase):
    def test_is_listed(self):
        answer = self.new_list_request("extensions").get_response(self.api)
        assert ALIAS in [one["alias"] for one in answer.json["extensions"]]
