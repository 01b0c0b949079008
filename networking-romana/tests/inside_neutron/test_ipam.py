"""What Neutron's releases ask of an IPAM driver, beside what it asks of all: the way of an address, step by step."""

from __future__ import absolute_import

import unittest

import pytest
from neutron.common import config as neutron_config
from neutron.ipam.exceptions import IpAddressAlreadyAllocated
from oslo_config import cfg

from networking_romana import client, own_network
from networking_romana.compat import DeferIpam, get_admin_context
from networking_romana.config import settings
from networking_romana.errors import RomanaInvalid
from networking_romana.ipam import RomanaPool

from .server import HOST, OTHER_HOST, environment, token_file

PORT_ID = "2af76f2c-0b13-4dd4-8e2d-3f2f1a7f6d10"
SHARED, OWN = "6f1c0a58-0000-4000-8000-000000000001", "6f1c0a58-0000-4000-8000-000000000002"


class TestAddress(unittest.TestCase):
    def setUp(self):
        # Where there is no such function, the import has done it.
        getattr(neutron_config, "register_common_config_options", lambda: None)()
        cfg.CONF([], project="neutron", default_config_files=[])
        self.addCleanup(cfg.CONF.reset)
        settings()
        values = {"url": environment("URL"), "ca_file": environment("CA_FILE"), "token_file": token_file("neutron")}
        for name, value in values.items():
            cfg.CONF.set_override(name, value, "romana")
            self.addCleanup(cfg.CONF.clear_override, name, "romana")
        self.forget_client()
        self.addCleanup(self.forget_client)
        self.romana = client.romana()
        self.addCleanup(self.forget)
        self.romana.create_tenant("blue", "p1")
        for segment in ("default", "s1"):
            self.romana.create_segment("blue", segment)
        self.pool = RomanaPool(None, get_admin_context())
        self.addCleanup(setattr, own_network, "read", own_network.read)
        own_network.read = lambda _context, identifier: {"id": identifier, "shared": identifier == SHARED}

    def forget_client(self):
        client._client = None

    def forget(self):
        for endpoint in self.romana.endpoints():
            self.romana.delete_endpoint(endpoint["id"])
        self.romana.delete_tenant("blue")

    def allocate(self, chosen=None, **values):
        """What Neutron stores as the address of a port."""
        port = {
            "id": PORT_ID,
            "network_id": SHARED,
            "tenant_id": "p1",
            "mac_address": "02:00:00:00:00:01",
            "binding:host_id": HOST,
        }
        wanted = {"subnet_id": "s", "ip_address": chosen} if chosen else {"subnet_id": "s"}
        factory = self.pool.get_address_request_factory()
        request = factory.get_request(get_admin_context(), dict(port, **values), wanted)
        return self.pool.get_subnet("s").allocate(request)

    def test_is_text(self):
        address = self.allocate()
        assert address.replace(".", "-") == "10-0-17-3"  # as Liberty makes a port's name of it

    def test_says_host_and_segment(self):
        profile = {"binding:profile": {"romana_segment": "s1"}}
        assert self.allocate(**dict(profile, **{"binding:host_id": OTHER_HOST})) == "10.1.18.3"
        assert [(one["name"], one["segment"]) for one in self.romana.endpoints()] == [(PORT_ID, "s1")]

    def test_is_of_the_segment_that_a_network_is(self):
        self.romana.create_segment("blue", "net0", OWN)
        assert self.allocate(network_id=OWN, tenant_id="of another project") == "10.0.19.3"
        with pytest.raises(RomanaInvalid, match="ports of this network are in its own segment net0, not in s1"):
            self.allocate(**{"network_id": OWN, "binding:profile": {"romana_segment": "s1"}})

    def test_may_be_chosen_once(self):
        assert self.allocate("10.0.17.9") == "10.0.17.9"
        with pytest.raises(IpAddressAlreadyAllocated):
            self.allocate("10.0.17.9", id=PORT_ID.replace("2", "3"))

    def test_is_not_given_without_a_host(self):
        with pytest.raises(DeferIpam):
            self.allocate(**{"binding:host_id": ""})

    def test_of_an_unknown_segment_is_refused(self):
        with pytest.raises(RomanaInvalid, match="there are: default, s1"):
            self.allocate(**{"binding:profile": {"romana_segment": "s9"}})
