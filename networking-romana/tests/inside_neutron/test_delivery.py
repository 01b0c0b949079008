"""Floating IPs that the network delivers to one host only: which ports get them, and what becomes of them in a move."""

from unittest import mock

from neutron_lib.context import get_admin_context
from neutron_lib.plugins import directory

from networking_romana.client import RomanaClient

from .server import HOST, OTHER_HOST
from .test_own_networks import address
from .test_port_forwarding import ForwardingTestCase

OF_HOST, OF_OTHER = ["172.24.4.101", "172.24.4.102"], ["172.24.4.103", "172.24.4.104"]


class DeliveryTestCase(ForwardingTestCase):
    """Each host has two floating IPs of the network `public` for itself; the floating IP `one` is the first of HOST."""

    def begin(self):
        self.deliver(HOST, OF_HOST)
        self.deliver(OTHER_HOST, OF_OTHER)
        self.remove(self.one)
        # Of the router's gateway, too, Neutron has chosen the address.
        gateway = {"network_id": self.public, "external_fixed_ips": [{"ip_address": "172.24.4.20"}]}
        self.change("routers", self.router, {"external_gateway_info": gateway})
        self.one = self.at(OF_HOST[0])

    def deliver(self, host, addresses):
        for one in self.romana.floating_ips():
            self.romana.delete_floating_ip(one["address"])
        self.romana._send("PATCH", "/v1/hosts/" + host, body={"floating_ips": addresses})

    def at(self, chosen):
        """A floating IP of the project with an address that an administrator chooses."""
        return self.make("floatingips", {"floating_network_id": self.public, "floating_ip_address": chosen})

    def told(self):
        """What romana-server is told: (address, the host that has it)."""
        return [(one["address"], one["host"]) for one in self.romana.floating_ips()]

    def addresses(self):
        """The floating IPs of Neutron, with the addresses of the ports they lead to."""
        return {one["floating_ip_address"]: one["fixed_ip_address"] for one in self.known()}


class TestMade(DeliveryTestCase):
    def test_for_a_port_it_is_one_of_the_ports_host(self):
        first, second = self.boot(self.network, OTHER_HOST), self.boot(self.network, OTHER_HOST)
        for port, expected in zip((first, second), OF_OTHER):
            made = self.make_floating(port)
            assert (made["floating_ip_address"], made["status"]) == (expected, "ACTIVE")
        assert self.make_floating(self.boot(self.network))["floating_ip_address"] == OF_HOST[1]
        assert self.told() == [(OF_HOST[1], HOST), (OF_OTHER[0], OTHER_HOST), (OF_OTHER[1], OTHER_HOST)]

    def test_there_is_none_when_the_host_has_none_free(self):
        self.at(OF_HOST[1])
        port = self.boot(self.network)
        before = self.addresses()
        said = self.make_floating(port, 409)
        assert said.startswith(
            "this network's floating IPs are delivered to one host each, and host host-a, where port"
        )
        self.deliver(HOST, [])
        assert "has none free" in self.make_floating(port, 409)
        assert self.addresses() == before

    def test_chosen_by_an_administrator_it_has_to_be_of_the_ports_host(self):
        port = self.boot(self.network)
        wanted = {"floating_network_id": self.public, "port_id": port["id"]}
        before = self.addresses()
        said = self.make("floatingips", dict(wanted, floating_ip_address=OF_OTHER[0]), 409)
        assert "{} is delivered to host host-b only, and port {} is on host-a".format(OF_OTHER[0], port["id"]) in said
        assert self.addresses() == before
        self.make("floatingips", dict(wanted, floating_ip_address=OF_HOST[1]))
        assert self.told() == [(OF_HOST[1], HOST)]

    def test_of_a_network_without_such_it_is_any(self):
        self.deliver(HOST, ["203.0.113.5"])
        self.deliver(OTHER_HOST, ["172.24.4.251"])  # of the network, and in none of its pools
        made = self.make_floating(self.boot(self.network))
        assert self.told() == [(made["floating_ip_address"], HOST)]

    def test_for_no_port_or_one_without_a_host_it_is_any(self):
        pool = [{"start": OF_OTHER[0], "end": OF_OTHER[1]}]
        (subnet,) = self.read("networks", self.public)["subnets"]
        self.remove(self.one)
        self.change("subnets", subnet, {"allocation_pools": pool})
        assert self.make_floating()["floating_ip_address"] in OF_OTHER
        port = self.make_port(network_id=self.network, tenant_id=self.project, fixed_ips=[{"ip_address": "10.0.18.9"}])
        made = self.make_floating(port)
        self.bind(port["id"])
        assert (made["floating_ip_address"] in OF_OTHER, self.status(made), self.told()) == (True, "DOWN", [])

    def test_another_request_that_is_faster_gets_it(self):
        port, other = self.boot(self.network, OTHER_HOST), []
        read, routers = self.plugin.get_ports, directory.get_plugin("L3_ROUTER_NAT")
        faster = {"floating_network_id": self.public, "floating_ip_address": OF_OTHER[0], "tenant_id": self.project}

        def get_ports(context, filters=None, **options):
            found = read(context, filters, **options)
            if not other and "fixed_ips" in (filters or {}):
                other.append(None)  # making one reads ports, too
                other[0] = routers.create_floatingip(get_admin_context(), {"floatingip": faster})
            return found

        with mock.patch.object(self.plugin, "get_ports", get_ports):
            assert self.make_floating(port)["floating_ip_address"] == OF_OTHER[1]
        assert other[0]["floating_ip_address"] == OF_OTHER[0]

    def test_one_request_asks_for_hosts_once(self):
        port = self.boot(self.network)
        with mock.patch.object(RomanaClient, "hosts", autospec=True, side_effect=RomanaClient.hosts) as asked:
            self.make_floating(port)
            assert asked.call_count == 1
            self.move(self.one, self.boot(self.network))
            assert asked.call_count == 2


class TestGiven(DeliveryTestCase):
    def test_to_a_port_elsewhere_it_is_refused_and_all_is_as_before(self):
        here, elsewhere = self.boot(self.network), self.boot(self.network, OTHER_HOST)
        said = self.move(self.one, elsewhere, 409)
        assert said == (
            "floating IP {} is delivered to host host-a only, and port {id} is on host-b, which has others: openstack"
            " floating ip create --port {id} NETWORK".format(OF_HOST[0], id=elsewhere["id"])
        )
        assert (self.told(), self.addresses(), self.status(self.one)) == ([], {OF_HOST[0]: None}, "DOWN")
        self.move(self.one, here)
        self.move(self.one, elsewhere, 409)
        assert (self.told(), self.status(self.one)) == ([(OF_HOST[0], HOST)], "ACTIVE")
        assert self.addresses() == {OF_HOST[0]: address(here)}
        self.move(self.one, None)
        self.deliver(OTHER_HOST, [])
        assert "is on host-b, to which none is delivered; give it to" in self.move(self.one, elsewhere, 409)

    def test_to_a_port_that_is_not_there_it_is_neutrons_to_refuse(self):
        self.move(self.one, {"id": self.network}, 404)
        self.move({"id": self.network}, self.boot(self.network), 404)

    def test_it_is_down_while_its_port_is_elsewhere(self):
        port = self.boot(self.network)
        self.move(self.one, port)
        moved = self.bind(port["id"], OTHER_HOST)
        for _ in range(2):
            assert (self.told(), self.status(self.one)) == ([], "DOWN")
            assert self.addresses() == {OF_HOST[0]: address(moved)}
            self.synchronize()
        self.bind(port["id"])
        assert (self.told(), self.status(self.one)) == ([(OF_HOST[0], HOST)], "ACTIVE")


class TestForwarded(DeliveryTestCase):
    def test_to_a_port_elsewhere_it_is_refused_and_all_is_as_before(self):
        here, elsewhere = self.boot(self.network), self.boot(self.network, OTHER_HOST)
        assert "is delivered to host host-a only" in self.forward(elsewhere, 80, 80, status=409)
        assert self.state() == ("DOWN", 0)
        made = self.forward(here, 2222, 22)
        values = {"internal_port_id": elsewhere["id"], "internal_ip_address": address(elsewhere)}
        assert "is delivered to host host-a only" in self.reforward(made, 409, **values)
        self.reforward(made, external_port=2223)
        assert self.forwarded() == [("tcp", 2223, address(here), 22, HOST)]
        assert self.state() == ("ACTIVE", 1)

    def test_to_a_port_that_moves_it_ends_and_others_go_on(self):
        port, other = self.boot(self.network), self.boot(self.network)
        self.forward(port, 2222, 22)
        self.forward(other, 80, 8080)
        self.bind(port["id"], OTHER_HOST)
        for _ in range(2):
            assert self.forwarded() == [("tcp", 80, address(other), 8080, HOST)]
            assert self.state() == ("ACTIVE", 2)
            self.synchronize()
        self.bind(other["id"], OTHER_HOST)
        assert (self.told(), self.state()) == ([], ("DOWN", 2))
        self.bind(port["id"])
        assert [each[1] for each in self.forwarded()] == [2222]
        assert self.state() == ("ACTIVE", 2)


class TestAway(DeliveryTestCase):
    def test_what_gets_to_a_port_elsewhere_meanwhile_is_down(self):
        port = self.boot(self.network, OTHER_HOST)
        with self.away():
            self.move(self.one, port)
        self.synchronize()
        assert (self.told(), self.status(self.one)) == ([], "DOWN")

    def test_what_is_forwarded_to_a_port_elsewhere_meanwhile_is_down(self):
        port = self.boot(self.network, OTHER_HOST)
        with self.away():
            self.forward(port, 80, 80)
        self.synchronize()
        assert (self.told(), self.state()) == ([], ("DOWN", 1))
