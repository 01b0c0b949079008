"""What is decided without asking anybody: names, segments, statuses, strays."""

from __future__ import absolute_import

import unittest

import pytest

from networking_romana.errors import RomanaInvalid
from networking_romana.own_network import names as segment_names
from networking_romana.port import interface, read
from networking_romana.port_status import at_once, in_the_end
from networking_romana.segment import chosen
from networking_romana.strays import Strays
from networking_romana.tenant import names

PORT_ID = "2af76f2c-0b13-4dd4-8e2d-3f2f1a7f6d10"


def port(**values):
    empty = read({"id": "p", "project_id": "project", "mac_address": "02:00:00:00:00:01"})
    return empty._replace(**values)


def metadata(**values):
    return lambda _instance: values


INSTANCE = {"device_id": "i", "device_owner": "compute:nova"}


class TestSegment(unittest.TestCase):
    def test_nobody_chose(self):
        assert chosen(port(), metadata(romanaSegment="s1")) is None
        assert chosen(port(**INSTANCE), metadata()) is None
        assert chosen(port(**INSTANCE), lambda _instance: None) is None

    def test_order(self):
        both = port(profile={"romana_segment": "a"}, tags=["romana_segment=b"], **INSTANCE)
        assert chosen(both, metadata(romanaSegment="c")) == "a"
        assert chosen(both._replace(profile={}), metadata(romanaSegment="c")) == "b"
        assert chosen(both._replace(profile={}, tags=["other"]), metadata(romanaSegment="c")) == "c"

    def test_only_instances_have_metadata(self):
        assert chosen(port(device_id="i", device_owner="baremetal:x"), metadata(romanaSegment="c")) is None

    def test_contradicting_tags(self):
        with pytest.raises(RomanaInvalid, match="several segments: a, b"):
            chosen(port(tags=["romana_segment=b", "romana_segment=a"]), metadata())

    def test_no_name(self):
        for profile in ({"romana_segment": ""}, {"romana_segment": None}, {"romana_segment": 5}):
            with pytest.raises(RomanaInvalid, match="names no segment"):
                chosen(port(profile=profile), metadata())


class TestNames(unittest.TestCase):
    def test_tenant(self):
        assert names("id", "blue") == ["blue", "id"]
        for invalid in (None, "", "two words", "-x", "x-", "a" * 65, "\u00fc", "blue\n"):
            assert names("id", invalid) == ["id"]

    def test_segment(self):
        assert segment_names(PORT_ID, "net0") == ["net0", "net0-2af76f2c"]
        assert segment_names(PORT_ID, "default") == ["default-2af76f2c"]
        assert segment_names(PORT_ID, "a" * 64) == ["a" * 64, "a" * 55 + "-2af76f2c"]
        for invalid in (None, "", "two words", "-x", "a" * 65, "\u00fc", "net0\n"):
            assert segment_names(PORT_ID, invalid) == ["network-2af76f2c"]

    def test_tap(self):
        assert interface(PORT_ID) == "tap2af76f2c-0b"


class TestStatus(unittest.TestCase):
    bound = port(host="a", vif_type="tap", status="DOWN", addresses=["10.0.17.3"])

    def _endpoint(self, status, **values):
        return dict({"host": "a", "address": "10.0.17.3", "status": status}, **values)

    def test_at_once(self):
        active = self.bound._replace(status="ACTIVE")
        assert at_once(self.bound, self._endpoint("active")) == "ACTIVE"
        assert at_once(active, self._endpoint("active")) is None
        assert at_once(active, self._endpoint("error")) == "DOWN"
        assert at_once(active, self._endpoint("pending")) is None

    def test_in_the_end(self):
        active = self.bound._replace(status="ACTIVE")
        assert in_the_end(self.bound, [self._endpoint("active")]) == "ACTIVE"
        assert in_the_end(active, [self._endpoint("active")]) is None
        for status in ("error", "pending"):
            assert in_the_end(active, [self._endpoint(status)]) == "DOWN"
        assert in_the_end(active, []) == "DOWN"

    def test_port_that_is_set_down_is_down(self):
        down = self.bound._replace(status="ACTIVE", admin_state_up=False)
        for status in ("active", "pending"):
            assert at_once(down, self._endpoint(status)) == "DOWN"
            assert in_the_end(down, [self._endpoint(status)]) == "DOWN"

    def test_another_host_or_address_says_nothing_about_the_port(self):
        for other in ({"host": "b"}, {"address": "10.0.17.4"}):
            assert at_once(self.bound, self._endpoint("active", **other)) is None
            assert in_the_end(self.bound, [self._endpoint("active", **other)]) is None

    def test_ports_that_are_not_bound_by_us_are_left_alone(self):
        for vif_type in ("unbound", "binding_failed", "ovs"):
            other = self.bound._replace(vif_type=vif_type, status="ACTIVE")
            assert at_once(other, self._endpoint("error")) is None
            assert in_the_end(other, []) is None


ENDPOINT = {"id": "e1", "name": PORT_ID, "address": "10.0.17.3"}


class TestStrays(unittest.TestCase):
    def test_after_the_grace_time(self):
        strays = Strays(10)
        assert strays.due([ENDPOINT], {}, 100) == []
        assert strays.due([ENDPOINT], {}, 109.9) == []
        assert strays.due([ENDPOINT], {}, 110) == [ENDPOINT]

    def test_time_begins_anew_when_it_was_a_ports_meanwhile(self):
        strays = Strays(10)
        strays.due([ENDPOINT], {}, 100)
        assert strays.due([ENDPOINT], {PORT_ID: ["10.0.17.3"]}, 105) == []
        assert strays.due([ENDPOINT], {}, 111) == []

    def test_address_that_its_port_has_no_more_is_astray(self):
        strays = Strays(0)
        assert strays.due([ENDPOINT], {PORT_ID: ["10.1.17.3"]}, 1) == [ENDPOINT]

    def test_names_that_are_no_ports_ids_are_others_business(self):
        for name in (None, "", "probe", PORT_ID + "0", PORT_ID.replace("-", "")):
            assert Strays(0).due([dict(ENDPOINT, name=name)], {}, 1) == []
