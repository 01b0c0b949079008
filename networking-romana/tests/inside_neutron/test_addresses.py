"""Which address a port gets, and what a user reads when it gets none."""

import socket
import uuid

from neutron_lib.api.definitions import portbindings

from networking_romana import client

from .base import RomanaTestCase
from .server import HOST, OTHER_HOST


def address(port):
    return port["fixed_ips"][0]["ip_address"]


class AddressTestCase(RomanaTestCase):
    def begin(self):
        self.services.add_project(self.project, "blue")
        self.make_subnet()


class TestHost(AddressTestCase):
    def test_port_without_host_has_no_address_yet(self):
        assert self.make_port()["fixed_ips"] == []
        assert self.endpoints() == []

    def test_port_gets_address_of_its_host_when_it_gets_one(self):
        port = self.make_bound_port(OTHER_HOST)
        assert address(port) == "10.1.17.3"
        assert [(port["id"], OTHER_HOST, "default", "10.1.17.3")] == self.endpoints()

    def test_port_made_with_host_has_its_address_at_once(self):
        port = self.make_port(**{portbindings.HOST_ID: HOST})
        assert address(port) == "10.0.17.3"
        assert port[portbindings.VIF_TYPE] == "tap"

    def test_ports_of_one_request_have_addresses(self):
        wanted = {"network_id": self.network_id, "tenant_id": self.project, portbindings.HOST_ID: HOST}
        request = self.new_create_request("ports", {"ports": [dict(wanted), dict(wanted)]}, as_admin=True)
        ports = request.get_response(self.api).json["ports"]
        assert {"10.0.17.3", "10.0.17.4"} == {address(port) for port in ports}

    def test_unknown_host_is_said(self):
        port = self.make_port()
        assert "host nowhere is not part of the Romana network" in self.bind(port["id"], "nowhere", 400)

    def test_endpoint_has_mac_and_tap_of_port(self):
        port = self.make_bound_port()
        endpoint = self.romana.endpoints()[0]
        assert (port["mac_address"], "tap" + port["id"][:11]) == (endpoint["mac"], endpoint["interface"])

    def test_ports_of_neutrons_services_are_refused(self):
        said = self.make_port(400, device_owner="network:dhcp")
        assert "a port of kind network:dhcp gets no address" in said


class TestTenant(AddressTestCase):
    def test_project_becomes_tenant_of_keystones_name(self):
        self.make_bound_port()
        assert [("blue", self.project)] == [(t["name"], t["project_id"]) for t in self.romana.tenants()]
        assert [one["name"] for one in self.romana.segments("blue")] == ["default"]

    def test_name_that_is_taken_leaves_the_projects_id(self):
        self.romana.create_tenant("blue", None)
        self.make_bound_port()
        known = {(one["name"], one["project_id"]) for one in self.romana.tenants()}
        assert known == {("blue", None), (self.project, self.project)}

    def test_tenant_that_was_made_for_the_project_is_used(self):
        self.tenant()
        self.make_bound_port()
        assert len(self.romana.tenants()) == 1

    def test_no_tenant_left_is_said(self):
        for number in range(15):
            self.romana.create_tenant("t{}".format(number), None)
        port = self.make_port()
        assert "no number is left for tenant blue" in self.bind(port["id"], status=409)


class TestSegment(AddressTestCase):
    def begin(self):
        self.name = self.tenant()

    def test_default_without_a_choice(self):
        assert address(self.make_bound_port()) == "10.0.17.3"

    def test_profile_chooses(self):
        port = self.make_bound_port(**{portbindings.PROFILE: {"romana_segment": "s1"}})
        assert address(port) == "10.0.18.3"

    def test_tag_chooses(self):
        port = self.make_port()
        self.tag(port["id"], "romana_segment=s2")
        assert address(self.bind(port["id"])) == "10.0.19.3"

    def test_instances_metadata_chooses(self):
        instance = str(uuid.uuid4())
        self.services.set_metadata(instance, romanaSegment="s1")
        assert address(self.make_bound_port(device_id=instance)) == "10.0.18.3"

    def test_profile_goes_before_tag_before_metadata(self):
        instance = str(uuid.uuid4())
        self.services.set_metadata(instance, romanaSegment="default")
        port = self.make_port()
        self.tag(port["id"], "romana_segment=s2")
        assert address(self.bind(port["id"], device_id=instance)) == "10.0.19.3"
        port = self.make_port()
        self.tag(port["id"], "romana_segment=s2")
        profile = {portbindings.PROFILE: {"romana_segment": "s1"}}
        assert address(self.bind(port["id"], device_id=instance, **profile)) == "10.0.18.3"

    def test_whole_instance_is_never_asked_for(self):
        instance = str(uuid.uuid4())
        self.make_bound_port(device_id=instance)
        asked = [path for path in self.services.asked if "servers" in path]
        assert ["/v2.1/servers/{}/metadata".format(instance)] == asked

    def test_nova_of_our_own_is_asked_where_there_is_one(self):
        self.override("nova_url", self.services.url + "/own/v2.1", "romana")
        instance = str(uuid.uuid4())
        self.services.set_metadata(instance, romanaSegment="s1")
        assert address(self.make_bound_port(device_id=instance)) == "10.0.18.3"
        assert "/own/v2.1/servers/{}/metadata".format(instance) in self.services.asked

    def test_unknown_segment_is_said_with_those_there_are(self):
        port = self.make_port()
        said = self.bind(port["id"], status=400, **{portbindings.PROFILE: {"romana_segment": "s9"}})
        assert "tenant {} has no segment s9; there are: default, s1, s2".format(self.name) == said
        assert self.endpoints() == []

    def test_name_that_cannot_be_one_is_said(self):
        port = self.make_port()
        said = self.bind(port["id"], status=400, **{portbindings.PROFILE: {"romana_segment": "no such!"}})
        assert "segment" in said
        said = self.bind(port["id"], status=400, **{portbindings.PROFILE: {"romana_segment": ["s1"]}})
        assert "the port's binding:profile, key romana_segment names no segment" in said

    def test_full_segment_is_said(self):
        for number in range(3, 255):
            self._occupy("10.0.18.{}".format(number))
        port = self.make_port()
        said = self.bind(port["id"], status=409, **{portbindings.PROFILE: {"romana_segment": "s1"}})
        assert "no address is left on host {} for segment s1 of tenant {}".format(HOST, self.name) in said

    def _occupy(self, wanted):
        endpoint = {"host": HOST, "tenant": self.name, "segment": "s1", "interface": "tap0", "address": wanted}
        self.romana.create_endpoint(dict(endpoint, mac="02:00:00:00:00:01"), wanted)


class TestFixedAddress(AddressTestCase):
    def begin(self):
        self.name = self.tenant()

    def _fixed(self, wanted, status=201, **values):
        return self.make_port(status, fixed_ips=[{"ip_address": wanted}], **values)

    def test_free_address_of_host_and_segment_is_given(self):
        port = self._fixed("10.0.18.77", **{portbindings.HOST_ID: HOST, portbindings.PROFILE: {"romana_segment": "s1"}})
        assert [(port["id"], HOST, "s1", "10.0.18.77")] == self.endpoints()

    def test_address_says_host_and_segment_where_nothing_else_does(self):
        port = self._fixed("10.1.19.5")
        assert [(port["id"], OTHER_HOST, "s2", "10.1.19.5")] == self.endpoints()
        assert address(self.bind(port["id"], OTHER_HOST)) == "10.1.19.5"

    def test_address_of_another_host_is_refused(self):
        said = self._fixed("10.1.18.77", 400, **{portbindings.HOST_ID: HOST})
        assert "10.1.18.77 is an address of host host-b, and the port is on host-a" in said

    def test_address_of_another_segment_is_refused(self):
        profile = {portbindings.PROFILE: {"romana_segment": "s1"}}
        assert "10.0.19.77 is not in the segment s1" in self._fixed("10.0.19.77", 400, **profile)

    def test_address_of_no_segment_is_refused(self):
        assert "10.0.20.77 is not in the segment default" in self._fixed("10.0.20.77", 400)

    def test_address_of_another_tenant_is_refused(self):
        self.romana.create_tenant("red", None)
        self.romana.create_segment("red", "default")
        assert "10.0.33.3 is no address of the port's project" in self._fixed("10.0.33.3", 400)

    def test_address_that_is_taken_is_refused(self):
        self._fixed("10.0.18.77")
        said = self._fixed("10.0.18.77", 409)
        assert "10.0.18.77" in said
        assert "allocated" in said

    def test_gateway_and_numbers_that_no_endpoint_has_are_refused(self):
        for wanted in ("10.0.0.1", "10.0.18.0", "10.0.18.2", "10.9.18.3"):
            assert "{} is no address that a port can have".format(wanted) in self._fixed(wanted, 400)

    def test_users_are_told_that_administrators_choose(self):
        user = {"tenant_id": "of another project than the network"}
        body = {"port": {"network_id": self.network_id, "fixed_ips": [{"ip_address": "10.0.18.77"}]}}
        self._refused_to_a_member(self.new_create_request("ports", body, **user))
        port = self.make_port(**user)
        body = {"port": {"fixed_ips": [{"ip_address": "10.0.18.77"}]}}
        self._refused_to_a_member(self.new_update_request("ports", body, port["id"], **user))
        assert self.endpoints() == []

    def _refused_to_a_member(self, request):
        answer = request.get_response(self.api)
        said = "only administrators choose a port's address; leave it out, and the port gets one with its host"
        assert (answer.status_int, answer.json["NeutronError"]["message"]) == (403, said)

    def test_second_address_is_refused(self):
        both = [{"ip_address": "10.0.18.7"}, {"ip_address": "10.0.18.8"}]
        assert "a port has one address, not 2" in self.make_port(400, fixed_ips=both)
        port = self._fixed("10.0.18.9")
        assert "a port has one address, not 2" in self.change("ports", port["id"], {"fixed_ips": both}, 400)


class TestNoAnswer(AddressTestCase):
    def test_romana_server_that_is_away_is_said_and_nothing_is_left(self):
        port = self.make_port()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            away = "https://127.0.0.1:{}".format(probe.getsockname()[1])
        self.override("url", away, "romana")
        client._client = None
        said = self.bind(port["id"], status=503)
        assert "no answer from romana-server at {}: ".format(away) in said
        assert self.read("ports", port["id"])["fixed_ips"] == []

    def test_nova_that_is_away_is_said(self):
        self.tenant()
        port = self.make_port()
        self.services.give_no_token()
        assert "Nova does not tell an instance's metadata" in self.bind(port["id"], status=503)
