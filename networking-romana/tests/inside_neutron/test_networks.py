"""Which networks there can be."""

from neutron_lib.api.definitions import provider_net

from .base import RomanaTestCase

FLAT = {provider_net.NETWORK_TYPE: "flat", provider_net.PHYSICAL_NETWORK: "physnet1"}
VLAN = {provider_net.NETWORK_TYPE: "vlan", provider_net.PHYSICAL_NETWORK: "physnet1", provider_net.SEGMENTATION_ID: 7}


class TestNetworks(RomanaTestCase):
    def test_type_of_hosts_that_route_is_accepted(self):
        made = self.make("networks", {"name": "n", provider_net.NETWORK_TYPE: "local"})
        assert made[provider_net.NETWORK_TYPE] == "local"

    def test_other_types_are_refused(self):
        for attributes in (FLAT, VLAN):
            said = self.make("networks", dict(attributes, name="n"), 400)
            assert said.startswith(
                "a network of type {} is not possible: hosts route".format(attributes[provider_net.NETWORK_TYPE])
            )
        assert self._list("networks", as_admin=True)["networks"] == []

    def test_name_changes(self):
        assert self.change("networks", self.network_id, {"name": "n"})["name"] == "n"
