"""What becomes of a port's address when the port changes."""

import uuid

import pytest
from neutron_lib.api.definitions import portbindings
from neutron_lib.callbacks import events, registry, resources
from neutron_lib.exceptions import InvalidInput, PortBindingError

from .base import RomanaTestCase
from .server import HOST, OTHER_HOST
from .test_addresses import address

UNBOUND = {"device_id": "", "device_owner": "", portbindings.HOST_ID: ""}


class MoveTestCase(RomanaTestCase):
    def begin(self):
        self.name = self.tenant()
        self.make_subnet()


class TestHost(MoveTestCase):
    def test_moved_instance_has_address_of_its_new_host(self):
        port = self.make_bound_port(HOST)
        moved = self.bind(port["id"], OTHER_HOST)
        assert address(moved) == "10.1.17.3"
        assert moved[portbindings.VIF_TYPE] == "tap"
        assert [(port["id"], OTHER_HOST, "default", "10.1.17.3")] == self.endpoints()

    def test_moved_instance_stays_in_its_segment(self):
        instance = str(uuid.uuid4())
        self.services.set_metadata(instance, romanaSegment="s1")
        port = self.make_bound_port(HOST, device_id=instance)
        assert address(self.bind(port["id"], OTHER_HOST, device_id=instance)) == "10.1.18.3"

    def test_moved_instance_goes_to_the_segment_chosen_since(self):
        port = self.make_bound_port(HOST)
        self.tag(port["id"], "romana_segment=s2")
        assert address(self.bind(port["id"], OTHER_HOST)) == "10.1.19.3"

    def test_kept_port_keeps_its_address_on_the_same_host(self):
        port = self.make_bound_port(HOST, **{portbindings.PROFILE: {"romana_segment": "s1"}})
        self.change("ports", port["id"], dict(UNBOUND, **{portbindings.PROFILE: {}}))
        assert address(port) == address(self.bind(port["id"], HOST))
        assert len(self.endpoints()) == 1

    def test_kept_port_has_address_of_the_next_instances_host_and_segment(self):
        port = self.make_bound_port(HOST)
        self.change("ports", port["id"], UNBOUND)
        instance = str(uuid.uuid4())
        self.services.set_metadata(instance, romanaSegment="s2")
        assert address(self.bind(port["id"], OTHER_HOST, device_id=instance)) == "10.1.19.3"
        assert len(self.endpoints()) == 1

    def test_kept_port_gets_into_the_next_instances_segment_on_the_same_host(self):
        port = self.make_bound_port(HOST)
        self.change("ports", port["id"], UNBOUND)
        assert address(self.bind(port["id"], **{portbindings.PROFILE: {"romana_segment": "s1"}})) == "10.0.18.3"
        assert len(self.endpoints()) == 1

    def test_chosen_address_is_not_given_up_silently(self):
        port = self.make_port(fixed_ips=[{"ip_address": "10.0.18.77"}])
        said = self.bind(port["id"], OTHER_HOST, 400)
        assert said.startswith("10.0.18.77 was chosen for the port and is an address of host host-a, not of host-b;")
        assert address(self.bind(port["id"], HOST)) == "10.0.18.77"
        self.change("ports", port["id"], UNBOUND)
        assert "10.0.18.77 was chosen" in self.bind(port["id"], OTHER_HOST, 400)
        assert [(port["id"], HOST, "s1", "10.0.18.77")] == self.endpoints()

    def test_instance_with_a_chosen_address_moves(self):
        port = self.make_port(fixed_ips=[{"ip_address": "10.0.18.77"}])
        self.bind(port["id"], HOST)
        assert address(self.bind(port["id"], OTHER_HOST)) == "10.1.18.3"

    def test_move_to_a_full_segment_leaves_everything_as_it_was(self):
        port = self.make_bound_port(HOST)
        for number in range(3, 255):
            body = {"host": OTHER_HOST, "tenant": self.name, "segment": "default", "interface": "tap0"}
            self.romana.create_endpoint(dict(body, mac="02:00:00:00:00:01"), "other {}".format(number))
        assert "no address is left on host host-b" in self.bind(port["id"], OTHER_HOST, 409)
        after = self.read("ports", port["id"])
        assert (address(port), HOST) == (address(after), after[portbindings.HOST_ID])
        assert (port["id"], HOST, "default", address(port)) in self.endpoints()

    def test_failed_update_leaves_the_port_its_address(self):
        port = self.make_bound_port(HOST)

        def refuse(*_, **__):
            raise InvalidInput(error_message="no")

        registry.subscribe(refuse, resources.PORT, events.PRECOMMIT_UPDATE)
        self.bind(port["id"], OTHER_HOST, 400)
        registry.unsubscribe(refuse, resources.PORT, events.PRECOMMIT_UPDATE)
        assert address(port) == address(self.read("ports", port["id"]))
        assert (port["id"], HOST, "default", address(port)) in self.endpoints()

    def test_second_binding_elsewhere_for_live_migration_fails(self):
        port = self.make_bound_port(HOST)
        with pytest.raises(PortBindingError):
            self.plugin.create_port_binding(self.context, port["id"], {"binding": {"host": OTHER_HOST}})
        assert [(port["id"], HOST, "default", address(port))] == self.endpoints()


class TestLivePort(MoveTestCase):
    def test_segment_of_a_bound_port_stays(self):
        port = self.make_bound_port()
        said = self.change("ports", port["id"], {portbindings.PROFILE: {"romana_segment": "s1"}}, 409)
        assert "port {} is bound with an address of segment default".format(port["id"]) in said

    def test_other_keys_of_the_profile_may_change(self):
        port = self.make_bound_port()
        changed = self.change("ports", port["id"], {portbindings.PROFILE: {"migrating_to": OTHER_HOST}})
        assert (address(port), "tap") == (address(changed), changed[portbindings.VIF_TYPE])

    def test_a_tag_waits_for_the_next_address_whatever_else_changes(self):
        port = self.make_bound_port()
        self.tag(port["id"], "romana_segment=s1")
        changed = self.change("ports", port["id"], {portbindings.PROFILE: {"migrating_to": OTHER_HOST}})
        assert address(port) == address(changed)

    def test_mac_of_a_bound_port_stays(self):
        port = self.make_bound_port()
        assert port["id"] in self.change("ports", port["id"], {"mac_address": "02:00:00:00:00:07"}, 409)

    def test_mac_of_an_unbound_port_reaches_romana_when_it_is_bound(self):
        port = self.make_bound_port()
        self.change("ports", port["id"], UNBOUND)
        self.change("ports", port["id"], {"mac_address": "02:00:00:00:00:07"})
        self.bind(port["id"])
        assert [one["mac"] for one in self.romana.endpoints()] == ["02:00:00:00:00:07"]

    def test_fixed_address_changes_to_a_free_one(self):
        port = self.make_bound_port()
        changed = self.change("ports", port["id"], {"fixed_ips": [{"ip_address": "10.0.17.9"}]})
        assert address(changed) == "10.0.17.9"
        assert [(port["id"], HOST, "default", "10.0.17.9")] == self.endpoints()

    def test_refused_fixed_address_leaves_the_old_one(self):
        port = self.make_bound_port()
        said = self.change("ports", port["id"], {"fixed_ips": [{"ip_address": "10.1.17.9"}]}, 400)
        assert "10.1.17.9 is an address of host host-b" in said
        other = self.make_bound_port()
        self.change("ports", port["id"], {"fixed_ips": [{"ip_address": address(other)}]}, 409)
        assert address(port) == address(self.read("ports", port["id"]))
        assert (port["id"], HOST, "default", address(port)) in self.endpoints()

    def test_any_address_is_refused_to_a_port_without_host(self):
        subnet = self._list("subnets", as_admin=True)["subnets"][0]["id"]
        said = self.change("ports", self.make_port()["id"], {"fixed_ips": [{"subnet_id": subnet}]}, 400)
        assert "has no host yet" in said

    def test_address_taken_from_a_port_is_given_back(self):
        port = self.make_bound_port()
        assert self.change("ports", port["id"], {"fixed_ips": []})["fixed_ips"] == []
        assert self.endpoints() == []

    def test_name_changes_without_romana(self):
        port = self.make_bound_port()
        assert self.change("ports", port["id"], {"name": "n"})["name"] == "n"
