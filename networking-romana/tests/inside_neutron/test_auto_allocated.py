"""Where Neutron offers to make a project a network, and a router to the default external network."""

from .base import RomanaTestCase

ALIAS = "auto-allocated-topology"


class OfferTestCase(RomanaTestCase):
    def offered(self):
        answer = self.new_list_request("extensions").get_response(self.api)
        return {one["alias"] for one in answer.json["extensions"]}


class TestOffer(OfferTestCase):
    def test_is_listed(self):
        assert ALIAS in self.offered()


class TestNoOffer(OfferTestCase):
    l3_plugin = ""

    def test_is_not_listed_without_routers(self):
        assert ALIAS not in self.offered()
