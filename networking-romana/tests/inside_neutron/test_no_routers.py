"""A Neutron without routers: what it does not offer then."""

from .base import RomanaTestCase
from .test_auto_allocated import ALIAS


class TestNoOffer(RomanaTestCase):
    l3_plugin = ""

    def get_additional_service_plugins(self):
        """Without those that bring routers along."""
        plugins = super().get_additional_service_plugins()
        del plugins["forwardings"]
        return plugins

    def test_topologies_are_not_listed(self):
        answer = self.new_list_request("extensions").get_response(self.api)
        assert ALIAS not in [one["alias"] for one in answer.json["extensions"]]
