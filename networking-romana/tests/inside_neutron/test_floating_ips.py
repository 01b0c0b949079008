"""Floating IPs: what romana-server is told of them, by whose request, and what becomes of them when ports change."""

import uuid
from unittest import mock

from sqlalchemy.orm.exc import StaleDataError

from networking_romana import floating_ips, l3
from networking_romana.client import RomanaClient
from networking_romana.errors import RomanaRefused

from .server import HOST, OTHER_HOST, confirm_all
from .test_external_networks import OTHER_OUTSIDE
from .test_own_networks import address
from .test_routers import RouterTestCase


class FloatingTestCase(RouterTestCase):
    """The network net0 is in a router that leads outside."""

    def begin(self):
        self.router = self.make_router(self.network, external_gateway_info={"network_id": self.public})

    def make_floating(self, port=None, status=201, project=None, **values):
        """A floating IP by a member, of a port if one is given."""
        wanted = dict({"floating_network_id": self.public}, **values)
        return self.ask("floatingips", status, project, **(dict(wanted, port_id=port["id"]) if port else wanted))

    def move(self, floating, port, status=200, project=None):
        """Give a floating IP to a port, or to none; by a member."""
        return self.put("floatingips", floating["id"], status, project, port_id=port and port["id"])

    def remove(self, floating, status=204, project=None):
        request = self.new_delete_request("floatingips", floating["id"], tenant_id=project or self.project)
        return self._content(request, "floatingips", status)

    def floating(self):
        """The floating IPs of romana-server: (address, the endpoint's address, its host)."""
        return [(one["address"], one["endpoint_address"], one["host"]) for one in self.romana.floating_ips()]

    def known(self):
        """The floating IPs of Neutron."""
        return self.new_list_request("floatingips", as_admin=True).get_response(self.api).json["floatingips"]

    def status(self, floating):
        return self.read("floatingips", floating["id"])["status"]


class TestPort(FloatingTestCase):
    def test_gets_one_when_it_is_made(self):
        port = self.boot(self.network)
        made = self.make_floating(port)
        assert self.floating() == [(made["floating_ip_address"], address(port), HOST)]
        assert (made["status"], made["fixed_ip_address"], made["router_id"]) == ("ACTIVE", address(port), self.router)
        assert [one["project_id"] for one in self.romana.floating_ips()] == [self.project]

    def test_gets_one_alone_when_its_status_has_to_be_written_twice(self):
        write, failures = l3.Plugin.update_floatingip_status, [StaleDataError()]

        def update(plugin, *arguments):
            if failures:
                raise failures.pop()
            return write(plugin, *arguments)

        with mock.patch.object(l3.Plugin, "update_floatingip_status", update):
            made = self.make_floating(self.boot(self.network))
        assert failures == []
        assert [one["id"] for one in self.known()] == [made["id"]]
        assert made["status"] == "ACTIVE"

    def test_gets_one_later_and_gives_it_away(self):
        first, second = self.boot(self.network), self.boot(self.network, OTHER_HOST)
        made = self.make_floating()
        assert (made["status"], self.floating()) == ("DOWN", [])
        assert self.move(made, first)["status"] == "ACTIVE"
        assert self.floating() == [(made["floating_ip_address"], address(first), HOST)]
        self.move(made, second)
        assert self.floating() == [(made["floating_ip_address"], address(second), OTHER_HOST)]
        assert self.move(made, None)["status"] == "DOWN"
        assert self.floating() == []

    def test_loses_it_when_it_is_deleted(self):
        made = self.make_floating(self.boot(self.network))
        self.remove(made)
        assert self.floating() == []
        again = self.make_floating(floating_ip_address=made["floating_ip_address"], status=403)
        assert "floating_ip_address" in again
        self.make("floatingips", {"floating_network_id": self.public, "floating_ip_address": "172.24.4.77"})

    def test_that_is_deleted_leaves_it(self):
        port = self.boot(self.network)
        made = self.make_floating(port)
        self.delete("ports", port["id"])
        assert self.floating() == []
        after = self.read("floatingips", made["id"])
        assert (after["status"], after["port_id"], after["fixed_ip_address"]) == ("DOWN", None, None)
        self.move(made, self.boot(self.network))
        assert self.status(made) == "ACTIVE"

    def test_that_comes_to_another_host_takes_it_along(self):
        port = self.boot(self.network)
        made = self.make_floating(port)
        moved = self.bind(port["id"], OTHER_HOST)
        assert address(moved) == "10.1.18.3"
        assert self.floating() == [(made["floating_ip_address"], "10.1.18.3", OTHER_HOST)]
        after = self.read("floatingips", made["id"])
        assert (after["fixed_ip_address"], after["status"]) == ("10.1.18.3", "ACTIVE")
        assert self.move(made, None)["fixed_ip_address"] is None

    def test_keeps_its_address_while_it_has_one(self):
        port = self.boot(self.network)
        self.make_floating(port)
        said = self.change("ports", port["id"], {"fixed_ips": [{"ip_address": "10.0.18.77"}]}, 400)
        assert "has been associated to a floating ip" in said

    def test_has_one_at_most(self):
        port = self.boot(self.network)
        made = self.make_floating(port)
        other = self.make_external("other", OTHER_OUTSIDE)
        self.act(self.make_router(external_gateway_info={"network_id": other}), "add", self.interface_of(self.network))
        said = self.make_floating(port, 409, floating_network_id=other)
        assert said == "port {} has floating IP {}, and a port has one at most; take that away first".format(
            port["id"], made["floating_ip_address"]
        )
        assert [one["id"] for one in self.known()] == [made["id"]]

    def test_without_a_way_outside_gets_none(self):
        other = self.make_network("net1")
        self.make_floating(self.boot(other), 404)
        self.make_floating(self.ask("ports", network_id=self.network), 400)
        assert self.floating() == []
        assert self.known() == []

    def test_of_another_project_gets_none(self):
        theirs = self.make_network(project=self.other_project)
        port = self.boot(theirs, project=self.other_project)
        self.make_floating(port, 404)
        made = self.make_floating()
        self.move(made, port, 404)
        self.move(made, None, 404, self.other_project)
        self.remove(made, 404, self.other_project)

    def interface_of(self, network):
        """A port for another router, as who adds one names it."""
        return {"port_id": self.ask("ports", network_id=network)["id"]}


class TestRouter(FloatingTestCase):
    def test_that_is_set_down_takes_them_along(self):
        made = self.make_floating(self.boot(self.network))
        self.put("routers", self.router, admin_state_up=False)
        assert (self.floating(), self.status(made)) == ([], "DOWN")
        self.put("routers", self.router, admin_state_up=True)
        assert (len(self.floating()), self.status(made)) == (1, "ACTIVE")

    def test_that_they_need_stays(self):
        made = self.make_floating(self.boot(self.network))
        self.put("routers", self.router, 409, external_gateway_info=None)
        self.join(self.router, self.network, 409, action="remove")
        assert len(self.floating()) == 1
        self.remove(made)
        self.join(self.router, self.network, action="remove")


class TestAway(FloatingTestCase):
    def test_what_romana_server_did_not_hear_is_made_good(self):
        port = self.boot(self.network)
        kept, removed = self.make_floating(port), self.make_floating()
        with self.away():
            assert self.move(kept, None)["port_id"] is None
            assert self.move(removed, port)["status"] == "DOWN"
        assert self.floating() == [(kept["floating_ip_address"], address(port), HOST)]
        self.synchronize()
        self.synchronize()  # at first the endpoint may have had the other yet
        assert self.floating() == [(removed["floating_ip_address"], address(port), HOST)]
        assert (self.status(kept), self.status(removed)) == ("DOWN", "ACTIVE")
        with self.away():
            self.remove(removed)
        self.synchronize()
        assert self.floating() == []

    def test_romana_server_that_does_not_answer_is_asked_once_for_many(self):
        many = [self.make_floating(self.boot(self.network)) for _ in range(2)]
        send = mock.patch.object(
            RomanaClient, "delete_floating_ip", autospec=True, side_effect=RomanaClient.delete_floating_ip
        )
        with self.away(), send as asked:
            self.put("routers", self.router, admin_state_up=False)
            assert asked.call_count == 1
        self.synchronize()
        assert (self.floating(), [self.status(one) for one in many]) == ([], ["DOWN", "DOWN"])

    def test_what_romana_server_lost_is_made_good(self):
        made = self.make_floating(self.boot(self.network))
        self.romana.delete_endpoint(self.romana.endpoints()[0]["id"])
        assert self.floating() == []
        confirm_all(self.romana)
        self.synchronize()
        assert [one[0] for one in self.floating()] == [made["floating_ip_address"]]
        before = self.romana.floating_ips()
        self.synchronize()
        assert self.romana.floating_ips() == before

    def test_one_that_is_given_during_a_comparison_stays_active(self):
        made = self.make_floating()
        self.compare(after=lambda: self.move(made, self.boot(self.network)))
        assert (len(self.floating()), self.status(made)) == (1, "ACTIVE")

    def test_one_whose_port_moves_during_a_comparison_stays_active(self):
        port = self.boot(self.network)
        made = self.make_floating(port)
        self.compare(before=lambda: self.bind(port["id"], OTHER_HOST))
        assert self.floating() == [(made["floating_ip_address"], "10.1.18.3", OTHER_HOST)]
        assert self.status(made) == "ACTIVE"

    def compare(self, before=lambda: None, after=lambda: None):
        """Compare floating IPs, while something changes before or after endpoints are read for that."""
        read, changes = RomanaClient.endpoints, [(before, after)]

        def endpoints(client, **filters):
            if filters or not changes:
                return read(client, **filters)
            first, last = changes.pop()
            first()
            found = read(client)
            last()
            return found

        with mock.patch.object(RomanaClient, "endpoints", endpoints):
            floating_ips.synchronize()
        assert changes == []

    def test_two_that_are_exchanged_meanwhile(self):
        ports = [self.boot(self.network), self.boot(self.network)]
        one, other = (self.make_floating(port) for port in ports)
        with self.away():
            self.move(one, None)
            self.move(other, ports[0])
            self.move(one, ports[1])
        for _ in range(2):
            self.synchronize()
        there = {known["address"]: known["endpoint_address"] for known in self.romana.floating_ips()}
        assert there == {
            one["floating_ip_address"]: address(ports[1]),
            other["floating_ip_address"]: address(ports[0]),
        }
        assert (self.status(one), self.status(other)) == ("ACTIVE", "ACTIVE")

    def test_one_that_is_refused_is_down_and_leads_nowhere(self):
        refusal = RomanaRefused("192.0.2.1 is the address of host host-a", "invalid_request")
        made = self.make_floating(self.boot(self.network))
        with mock.patch.object(RomanaClient, "put_floating_ip", side_effect=refusal):
            assert self.move(made, self.boot(self.network))["status"] == "DOWN"
            assert self.floating() == []
            self.synchronize()
            assert self.status(made) == "DOWN"
        self.synchronize()
        assert self.status(made) == "ACTIVE"

    def test_those_of_others_stay(self):
        self.romana.create_tenant("green", None)
        self.romana.create_segment("green", "default")
        wanted = {"host": HOST, "tenant": "green", "segment": "default", "interface": "tap0", "name": "probe"}
        endpoint = self.romana.create_endpoint(dict(wanted, mac="02:00:00:00:00:01"), str(uuid.uuid4()))
        self.romana.put_floating_ip("203.0.113.7", {"endpoint": endpoint["id"], "project_id": None})
        self.synchronize()
        assert self.floating() == [("203.0.113.7", endpoint["address"], HOST)]


class TestQuota(FloatingTestCase):
    def test_counts_them(self):
        self.override("quota_floatingip", 1, "QUOTAS")
        self.make_floating()
        self.make_floating(status=409)
        self.make_floating(project=self.other_project)
