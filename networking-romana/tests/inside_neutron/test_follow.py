"""How Neutron hears what agents report, and how the two are kept at one."""

import functools
import logging
import uuid

import fixtures
import pytest
from neutron_lib.api.definitions import portbindings

from networking_romana import config
from networking_romana.errors import RomanaUnavailable
from networking_romana.follow import Follower

from .base import RomanaTestCase
from .server import HOST, OTHER_HOST, confirm, confirm_all
from .test_addresses import address


class FollowTestCase(RomanaTestCase):
    def begin(self):
        self.services.add_project(self.project, "blue")
        self.make_subnet()

    def setUp(self):
        super().setUp()
        self.override("sync_interval", 1, "romana")
        self.override("grace", 1, "romana")

    @functools.cached_property
    def follower(self):
        return Follower(self.romana, self.plugin, config.settings())

    def report(self, status, host=HOST, detail=None):
        """What the host's agent says of all its endpoints."""
        done = status == "active"
        endpoints = [
            {"id": one["id"], "status": status, "detail": detail, "route": done, "lease": done, "firewall": done}
            for one in self.romana.endpoints(host=host)
        ]
        confirm(self.romana, host, endpoints)

    def status(self, port):
        return self.read("ports", port["id"])["status"]


class TestStatus(FollowTestCase):
    def test_bound_port_is_down_until_its_agent_has_applied_it(self):
        port = self.make_bound_port()
        assert self.status(port) == "DOWN"
        generation = self.follower.synchronize()
        assert self.status(port) == "DOWN"
        self.report("active")
        self.follower.follow(generation)
        assert self.status(port) == "ACTIVE"

    def test_what_was_applied_while_nobody_followed_is_found(self):
        port = self.make_bound_port()
        self.report("active")
        self.follower.synchronize()
        assert self.status(port) == "ACTIVE"

    def test_port_in_error_is_down_and_the_log_says_why(self):
        port = self.make_bound_port()
        self.report("active")
        generation = self.follower.synchronize()
        log = self.useFixture(fixtures.FakeLogger(level=logging.ERROR))
        self.report("error", detail="no such device")
        self.follower.follow(generation)
        assert self.status(port) == "DOWN"
        assert "Address {} is not in place on {}: no such device".format(address(port), HOST) in log.output

    def test_tap_that_goes_for_a_moment_does_not_make_a_port_flap(self):
        port = self.make_bound_port()
        self.report("active")
        generation = self.follower.synchronize()
        self.report("pending")
        self.follower.follow(generation)
        assert self.status(port) == "ACTIVE"

    def test_tap_that_stays_away_makes_a_port_down(self):
        port = self.make_bound_port()
        self.report("active")
        self.follower.synchronize()
        self.report("pending")
        self.follower.synchronize()
        assert self.status(port) == "DOWN"

    def test_moved_port_is_down_until_its_new_host_has_applied_it(self):
        port = self.make_bound_port(HOST)
        self.report("active", HOST)
        generation = self.follower.synchronize()
        self.bind(port["id"], OTHER_HOST)
        assert self.status(port) == "DOWN"
        self.report("active", OTHER_HOST)
        self.follower.follow(generation)
        assert self.status(port) == "ACTIVE"

    def test_port_bound_anew_where_it_is_in_place_is_active_at_once(self):
        port = self.make_bound_port()
        self.report("active")
        self.follower.synchronize()
        changed = self.change("ports", port["id"], {portbindings.PROFILE: {"migrating_to": OTHER_HOST}})
        assert changed["status"] == "ACTIVE"

    def test_unbound_port_is_left_alone(self):
        port = self.make_port(fixed_ips=[{"ip_address": self._free_address()}])
        self.report("active")
        self.follower.synchronize()
        assert self.status(port) == "DOWN"

    def test_endpoints_of_others_are_left_alone(self):
        self.make_bound_port()
        generation = self.follower.synchronize()
        self.romana.create_endpoint(
            {"host": HOST, "tenant": "blue", "segment": "default", "mac": "02:00:00:00:00:01", "interface": "tap0"}, "x"
        )
        self.report("active")
        self.follower.follow(generation)
        assert len(self.endpoints()) == 2

    def _free_address(self):
        self.tenant()
        return "10.0.17.9"


class TestTogether(FollowTestCase):
    def _stray(self, name):
        endpoint = {"host": HOST, "tenant": "blue", "segment": "default", "interface": "tap0", "name": name}
        return self.romana.create_endpoint(dict(endpoint, mac="02:00:00:00:00:01"), str(uuid.uuid4()))

    def test_address_of_no_port_is_given_back_after_the_grace_time(self):
        port = self.make_bound_port()
        for name in (str(uuid.uuid4()), port["id"]):
            self._stray(name)
        probe = self._stray("probe")
        self.follower.follow(self.follower.synchronize())  # for a second: the grace time
        assert len(self.endpoints()) == 4
        self.follower.synchronize()
        assert {address(port), probe["address"]} == {one for *_, one in self.endpoints()}

    def test_address_that_romana_lost_is_known_again_when_hosts_have_noticed(self):
        port = self.make_bound_port()
        self.romana.delete_endpoint(self.romana.endpoints()[0]["id"])
        log = self.useFixture(fixtures.FakeLogger(level=logging.WARNING))
        self.follower.synchronize()
        assert self.endpoints() == []
        assert (
            "Address {} of port {} is known to romana-server again later".format(address(port), port["id"])
            in log.output
        )
        confirm_all(self.romana)
        self.follower.synchronize()
        assert [(port["id"], HOST, "default", address(port))] == self.endpoints()

    def test_lost_address_that_somebody_else_has_now_is_said(self):
        port = self.make_bound_port()
        self.romana.delete_endpoint(self.romana.endpoints()[0]["id"])
        confirm_all(self.romana)
        self._stray("probe")
        log = self.useFixture(fixtures.FakeLogger(level=logging.ERROR))
        self.follower.synchronize()
        assert "Port {} cannot keep its address {}".format(port["id"], address(port)) in log.output

    def test_tenant_of_a_deleted_project_goes_with_its_last_address(self):
        port = self.make_bound_port()
        self.services.remove_project(self.project)
        self.follower.synchronize()
        assert [one["name"] for one in self.romana.tenants()] == ["blue"]
        self.delete("ports", port["id"])
        self.follower.synchronize()
        assert self.romana.tenants() == []

    def test_tenants_of_projects_and_of_nobody_stay(self):
        self.delete("ports", self.make_bound_port()["id"])
        self.romana.create_tenant("red", None)
        self.follower.synchronize()
        assert {"blue", "red"} == {one["name"] for one in self.romana.tenants()}


class TestRun(FollowTestCase):
    def test_what_does_not_answer_is_asked_again(self):
        class EndError(Exception):
            pass

        answers = [RomanaUnavailable(reason="away"), RomanaUnavailable(reason="still away"), EndError()]

        class Interrupted(Follower):
            def synchronize(self):
                raise answers.pop(0)

        with pytest.raises(EndError):
            Interrupted(self.romana, self.plugin, config.settings()).run()
        assert answers == []
