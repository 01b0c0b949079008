"""Ports of floating IPs that are forwarded: what romana-server is told, and what becomes of it when ports change."""

import uuid

from neutron.api import extensions
from neutron.objects import port_forwarding as objects
from neutron_lib.plugins import directory

from .server import HOST, OTHER_HOST, confirm_all
from .test_floating_ips import FloatingTestCase
from .test_own_networks import address


class ForwardingTestCase(FloatingTestCase):
    """The network net0 is in a router that leads outside, and there is a floating IP of no port."""

    def begin(self):
        # Before Neutron's API, as outside of its tests: only so it knows whose a forwarding's floating IP is.
        self.plain = self.api
        manager = extensions.PluginAwareExtensionManager.get_instance()
        self.extended = extensions.ExtensionMiddleware(self.api, ext_mgr=manager)
        self.one = self.make_floating()

    def forward(self, port, external, internal, protocol="tcp", status=201, project=None, **values):
        """Forward a port of the floating IP to one of a port; by a member."""
        wanted = {
            "protocol": protocol,
            "external_port": external,
            "internal_port": internal,
            "internal_port_id": port["id"],
            "internal_ip_address": address(port) if port["fixed_ips"] else "10.0.18.77",
        }
        body = {"port_forwarding": dict(wanted, **values)}
        request = self.new_create_request(
            "floatingips", body, id=self.one["id"], subresource="port_forwardings", tenant_id=project or self.project
        )
        return self.send(request, status)

    def reforward(self, forwarding, status=200, **values):
        request = self.new_update_request(
            "floatingips",
            {"port_forwarding": values},
            self.one["id"],
            subresource="port_forwardings",
            sub_id=forwarding["id"],
            tenant_id=self.project,
        )
        return self.send(request, status)

    def unforward(self, forwarding, status=204):
        request = self.new_delete_request(
            "floatingips",
            self.one["id"],
            subresource="port_forwardings",
            sub_id=forwarding["id"],
            tenant_id=self.project,
        )
        return self.send(request, status)

    def send(self, request, status):
        """A request about a forwarding."""
        self.api = self.extended
        try:
            return self._content(request, "port_forwardings", status)
        finally:
            self.api = self.plain

    def forwarded(self):
        """What romana-server forwards of the floating IP: (protocol, port, the endpoint's address, port and host)."""
        return [
            (each["protocol"], each["port"], each["endpoint_address"], each["endpoint_port"], each["host"])
            for one in self.romana.floating_ips()
            for each in one["forwardings"]
            if one["address"] == self.one["floating_ip_address"]
        ]

    def state(self):
        """The floating IP's status in Neutron, and how many ports of it are forwarded there."""
        found = self.read("floatingips", self.one["id"])
        return found["status"], len(found["port_forwardings"])


class TestForwarding(ForwardingTestCase):
    def test_is_told_changed_and_taken_away(self):
        first, second = self.boot(self.network), self.boot(self.network, OTHER_HOST)
        ssh, web = self.forward(first, 2222, 22), self.forward(second, 80, 8080)
        self.forward(first, 53, 5353, "udp")
        assert self.forwarded() == [
            ("tcp", 80, address(second), 8080, OTHER_HOST),
            ("tcp", 2222, address(first), 22, HOST),
            ("udp", 53, address(first), 5353, HOST),
        ]
        assert [one["project_id"] for one in self.romana.floating_ips()] == [self.project]
        assert self.state() == ("ACTIVE", 3)
        changed = self.reforward(ssh, external_port=2200, internal_port_id=second["id"],
                                 internal_ip_address=address(second))  # fmt: skip
        assert (changed["external_port"], changed["internal_port_id"]) == (2200, second["id"])
        assert self.forwarded()[1] == ("tcp", 2200, address(second), 22, OTHER_HOST)
        self.unforward(web)
        assert [each[:2] for each in self.forwarded()] == [("tcp", 2200), ("udp", 53)]
        for each in self.read("floatingips", self.one["id"])["port_forwardings"]:
            self.unforward(each)
        assert (self.floating(), self.state()) == ([], ("DOWN", 0))
        self.remove(self.one)

    def test_of_what_no_host_forwards_is_refused(self):
        port = self.boot(self.network)
        for protocol in ("icmp", "sctp"):
            said = self.forward(port, 1, 1, protocol, 400)
            assert said == "ports of {} are not forwarded; take tcp or udp".format(protocol)
        ssh = self.forward(port, 2222, 22)
        assert "are not forwarded" in self.reforward(ssh, 400, protocol="sctp")
        assert "internal_port_range" in self.forward(port, 1, 1, status=400, internal_port_range="1:2")
        assert len(self.forwarded()) == 1

    def test_and_a_port_of_its_own_exclude_each_other(self):
        port, other = self.boot(self.network), self.boot(self.network)
        self.forward(port, 2222, 22)
        self.move(self.one, other, 409)
        self.remove(self.one, 409)
        self.make_floating(other)
        self.forward(other, 2223, 22, status=409)
        assert [each[1] for each in self.forwarded()] == [2222]

    def test_to_a_port_without_an_address_or_a_way_outside_is_refused(self):
        self.forward(self.ask("ports", network_id=self.network), 2222, 22, status=400)
        self.forward(self.boot(self.make_network("net1")), 2222, 22, status=400)
        theirs = self.boot(self.make_network(project=self.other_project), project=self.other_project)
        self.forward(theirs, 2222, 22, status=404)
        self.forward(self.boot(self.network), 2222, 22, status=403, project=self.other_project)
        assert self.floating() == []

    def test_follows_its_port_to_another_host(self):
        port, other = self.boot(self.network), self.boot(self.network)
        ssh = self.forward(port, 2222, 22)
        self.forward(other, 80, 80)
        moved = self.bind(port["id"], OTHER_HOST)
        assert address(moved) == "10.1.18.3"
        assert self.forwarded() == [("tcp", 80, address(other), 80, HOST), ("tcp", 2222, "10.1.18.3", 22, OTHER_HOST)]
        assert self.state() == ("ACTIVE", 2)
        (known,) = [each for each in self.read("floatingips", self.one["id"])["port_forwardings"]
                    if each["id"] == ssh["id"]]  # fmt: skip
        assert known["internal_ip_address"] == "10.1.18.3"

    def test_goes_with_its_port_and_the_last_one_takes_the_status_along(self):
        port, other = self.boot(self.network), self.boot(self.network, OTHER_HOST)
        self.forward(port, 2222, 22)
        self.forward(port, 2223, 23)
        self.forward(other, 80, 80)
        self.delete("ports", port["id"])
        assert (self.forwarded(), self.state()) == ([("tcp", 80, address(other), 80, OTHER_HOST)], ("ACTIVE", 1))
        self.delete("ports", other["id"])
        assert (self.floating(), self.state()) == ([], ("DOWN", 0))
        assert objects.PortForwarding.get_objects(self.context) == []
        self.move(self.one, self.boot(self.network))
        assert self.state()[0] == "ACTIVE"

    def test_offers_what_hosts_do_and_no_more(self):
        plugin = directory.get_plugin("PORTFORWARDING")
        assert sorted(plugin.supported_extension_aliases) == [
            "expose-port-forwarding-in-fip", "floating-ip-port-forwarding", "floating-ip-port-forwarding-description"
        ]  # fmt: skip
        listed = self.new_list_request("extensions").get_response(self.plain).json["extensions"]
        assert "floating-ip-port-forwarding-port-ranges" not in [one["alias"] for one in listed]
        made = self.forward(self.boot(self.network), 1, 1, description="mine")
        assert made["description"] == "mine"


class TestRouter(ForwardingTestCase):
    def test_that_is_set_down_takes_them_along(self):
        self.forward(self.boot(self.network), 2222, 22)
        self.put("routers", self.router, admin_state_up=False)
        assert (self.floating(), self.state()) == ([], ("DOWN", 1))
        self.put("routers", self.router, admin_state_up=True)
        assert (len(self.forwarded()), self.state()) == (1, ("ACTIVE", 1))

    def test_that_they_need_stays(self):
        ssh = self.forward(self.boot(self.network), 2222, 22)
        self.join(self.router, self.network, 409, action="remove")
        assert len(self.forwarded()) == 1
        self.unforward(ssh)
        self.join(self.router, self.network, action="remove")


class TestAway(ForwardingTestCase):
    def test_what_romana_server_did_not_hear_is_made_good(self):
        port = self.boot(self.network)
        ssh = self.forward(port, 2222, 22)
        with self.away():
            self.unforward(ssh)
            self.forward(port, 2223, 22)
        assert [each[1] for each in self.forwarded()] == [2222]
        self.synchronize()
        assert [each[1] for each in self.forwarded()] == [2223]
        assert self.state() == ("ACTIVE", 1)
        before = self.romana.floating_ips()
        self.synchronize()
        assert self.romana.floating_ips() == before
        with self.away():
            self.unforward(self.read("floatingips", self.one["id"])["port_forwardings"][0])
        self.synchronize()
        assert (self.floating(), self.state()) == ([], ("DOWN", 0))

    def test_a_port_that_has_moved_meanwhile_is_followed(self):
        port = self.boot(self.network)
        self.forward(port, 2222, 22)
        self.romana.delete_floating_ip(self.one["floating_ip_address"])
        self.bind(port["id"], OTHER_HOST)
        assert self.forwarded() == [("tcp", 2222, "10.1.18.3", 22, OTHER_HOST)]

    def test_what_romana_server_lost_is_made_good(self):
        ports = [self.boot(self.network), self.boot(self.network)]
        for number, port in enumerate(ports):
            self.forward(port, 2222 + number, 22)
        self.romana.delete_endpoint(self.romana.endpoints()[0]["id"])
        assert len(self.forwarded()) == 1
        confirm_all(self.romana)
        self.synchronize()
        assert [each[1] for each in self.forwarded()] == [2222, 2223]

    def test_those_of_others_stay(self):
        self.romana.create_tenant("green", None)
        self.romana.create_segment("green", "default")
        wanted = {"host": HOST, "tenant": "green", "segment": "default", "interface": "tap0", "name": "probe"}
        endpoint = self.romana.create_endpoint(dict(wanted, mac="02:00:00:00:00:01"), str(uuid.uuid4()))
        port = {"protocol": "tcp", "port": 1, "endpoint": endpoint["id"], "endpoint_port": 1}
        self.romana.put_floating_ip("203.0.113.7", {"forwardings": [port], "project_id": None})
        self.synchronize()
        assert [one[0] for one in self.floating()] == ["203.0.113.7"]
