"""Addresses come back."""

import socket

from neutron_lib.callbacks import events, registry, resources
from neutron_lib.exceptions import InvalidInput

from networking_romana import client

from .base import RomanaTestCase
from .server import confirm_all
from .test_addresses import address


class TestRelease(RomanaTestCase):
    def begin(self):
        self.tenant()
        self.make_subnet()

    def test_deleted_ports_address_is_given_back_and_given_again(self):
        port = self.make_bound_port()
        self.delete("ports", port["id"])
        assert self.endpoints() == []
        confirm_all(self.romana)
        assert address(port) == address(self.make_bound_port())

    def test_unbound_port_gives_its_address_back_when_it_is_deleted(self):
        port = self.make_port(fixed_ips=[{"ip_address": "10.0.18.7"}])
        self.delete("ports", port["id"])
        assert self.endpoints() == []

    def test_all_addresses_of_a_port_go_with_it(self):
        port = self.make_bound_port()
        stray = {"host": "host-b", "tenant": self.romana.tenants()[0]["name"], "segment": "s1", "name": port["id"]}
        interface = {"interface": "tap" + port["id"][:11], "mac": port["mac_address"]}
        self.romana.create_endpoint(dict(stray, **interface), "left by a broken request")
        self.delete("ports", port["id"])
        assert self.endpoints() == []

    def test_port_is_deleted_while_romana_server_is_away(self):
        port = self.make_bound_port()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.override("url", "https://127.0.0.1:{}".format(probe.getsockname()[1]), "romana")
        client._client = None
        self.delete("ports", port["id"])
        assert [port["id"]] == [name for name, *_ in self.endpoints()]  # until the follower comes by

    def test_failed_update_gives_nothing_back(self):
        port = self.make_bound_port()

        def refuse(*_, **__):
            raise InvalidInput(error_message="no")

        registry.subscribe(refuse, resources.PORT, events.PRECOMMIT_UPDATE)
        self.change("ports", port["id"], {"fixed_ips": []}, 400)
        registry.unsubscribe(refuse, resources.PORT, events.PRECOMMIT_UPDATE)
        assert address(port) == address(self.read("ports", port["id"]))
        assert [address(port)] == [one for *_, one in self.endpoints()]
