"""Security groups: what romana-server is told of them, when, and what becomes of what it was not told."""

from unittest import mock

from oslo_config import cfg

from networking_romana import client, follow, groups, in_step
from networking_romana import port as ports
from networking_romana.client import RomanaClient, romana
from networking_romana.errors import RomanaUnavailable
from networking_romana.permissions import permissions

from .base import RomanaTestCase
from .server import environment

OUT = {"direction": "egress"}


class GroupsTestCase(RomanaTestCase):
    def begin(self):
        self.services.add_project(self.project, "blue")
        self.make_subnet()

    def group(self, *rules, **values):
        """A group with these rules, and without those that Neutron gives a new one. Its id."""
        made = self.make("security-groups", dict({"name": "g"}, **values))
        for rule in made["security_group_rules"]:
            self.delete("security-group-rules", rule["id"])
        for rule in rules:
            self.rule(made["id"], **rule)
        return made["id"]

    def rule(self, group, **values):
        wanted = dict({"direction": "ingress", "ethertype": "IPv4", "security_group_id": group}, **values)
        return self.make("security-group-rules", wanted)["id"]

    def told(self, group):
        """The rules that romana-server has of a group, without what they do not say."""
        (found,) = [one for one in self.romana.groups() if one["id"] == group]
        return [{key: value for key, value in rule.items() if value is not None} for rule in found["rules"]]

    def permissions(self):
        (endpoint,) = self.romana.endpoints()
        return endpoint["permissions"]

    def bound(self, **values):
        return self.bind(self.make_port(**values)["id"])

    def follow_once(self):
        follow.Follower(romana(), self.plugin, cfg.CONF.romana).synchronize()


class TestRules(GroupsTestCase):
    def check(self, told, **rule):
        group = self.group(rule)
        self.bound(security_groups=[group])
        assert self.told(group) == [dict({"direction": "ingress"}, **told)]

    def test_everything(self):
        self.check({})

    def test_egress(self):
        self.check({"direction": "egress"}, direction="egress")

    def test_a_port(self):
        self.check({"protocol": 6, "ports": "22"}, protocol="tcp", port_range_min=22, port_range_max=22)

    def test_ports(self):
        self.check({"protocol": 17, "ports": "1-9"}, protocol="17", port_range_min=1, port_range_max=9)

    def test_icmp(self):
        self.check({"protocol": 1}, protocol="icmp")

    def test_icmp_type_and_code(self):
        self.check({"protocol": 1, "icmp_type": 3, "icmp_code": 4}, protocol="icmp", port_range_min=3, port_range_max=4)

    def test_icmp_type(self):
        self.check({"protocol": 1, "icmp_type": 8}, protocol="icmp", port_range_min=8)

    def test_another_protocol(self):
        self.check({"protocol": 112}, protocol="vrrp")

    def test_a_number(self):
        self.check({"protocol": 253}, protocol="253")

    def test_a_prefix(self):
        self.check({"remotes": ["192.0.2.0/24"]}, remote_ip_prefix="192.0.2.77/24")

    def test_ipv6_lets_nothing_pass_here(self):
        group = self.group({"ethertype": "IPv6"})
        self.bound(security_groups=[group])
        assert self.told(group) == []

    def test_an_address_group(self):
        addresses = ["192.0.2.0/24", "2001:db8::/64"]
        made = self.make("address-groups", {"name": "a", "addresses": addresses})["id"]
        group = self.group({"protocol": "tcp", "remote_address_group_id": made})
        self.bound(security_groups=[group])
        tcp = {"direction": "ingress", "protocol": 6}
        assert self.told(group) == [dict(tcp, remotes=["192.0.2.0/24"])]
        self.plugin.add_addresses(self.context, made, {"addresses": ["198.51.100.7/32"]})
        assert self.told(group) == [dict(tcp, remotes=["192.0.2.0/24", "198.51.100.7/32"])]
        gone = {"addresses": ["192.0.2.0/24", "198.51.100.7/32"]}
        self.plugin.remove_addresses(self.context, made, gone)
        assert self.told(group) == []

    def test_a_group_and_itself(self):
        group = self.group()
        self.rule(group, remote_group_id=group)
        self.bound(security_groups=[group])
        assert self.told(group) == [{"direction": "ingress", "remote_group": group}]


class TestChanges(GroupsTestCase):
    def test_rules_that_come_and_go_are_told_at_once(self):
        group = self.group()
        self.bound(security_groups=[group])
        assert self.told(group) == []
        rule = self.rule(group, protocol="tcp")
        assert self.told(group) == [{"direction": "ingress", "protocol": 6}]
        self.delete("security-group-rules", rule)
        assert self.told(group) == []

    def test_a_port_without_a_choice_is_in_the_default_group(self):
        (group,) = self.bound()["security_groups"]
        assert self.permissions()["groups"] == [group]
        (known,) = [one for one in self.romana.groups() if one["id"] == group]
        assert (known["name"], known["project_id"]) == ("default", self.project)

    def test_a_port_that_changes_its_groups(self):
        one, other = self.group(OUT), self.group(OUT)
        port = self.bound(security_groups=[one])
        assert self.permissions()["groups"] == [one]
        self.change("ports", port["id"], {"security_groups": [other]})
        assert self.permissions()["groups"] == [other]
        self.change("ports", port["id"], {"security_groups": []})
        assert self.permissions()["groups"] == []

    def test_who_reads_first_and_tells_last_tells_what_is_now(self):
        group = self.group()
        stale = groups.document(group)
        self.rule(group, protocol="tcp")
        with mock.patch.object(groups, "document", side_effect=[stale, *[groups.document(group)] * 2]):
            groups.put(group)
        assert self.told(group) == [{"direction": "ingress", "protocol": 6}]

    def test_a_group_that_is_deleted_while_it_is_told(self):
        group = self.group()
        with mock.patch.object(groups, "document", side_effect=[groups.document(group), None, None]):
            groups.put(group)
        assert group not in [one["id"] for one in self.romana.groups()]

    def test_who_reads_a_port_first_and_tells_last_tells_what_is_now(self):
        port = self.bound()
        stale = in_step._read(port["id"])
        self.change("ports", port["id"], {"security_groups": []})
        with mock.patch.object(in_step, "_read", side_effect=[stale, *[in_step._read(port["id"])] * 2]):
            in_step.bring(port["id"])
        assert self.permissions()["groups"] == []

    def test_a_group_that_is_deleted(self):
        group = self.group()
        port = self.bound(security_groups=[group])
        self.change("ports", port["id"], {"security_groups": []})
        self.delete("security-groups", group)
        assert group not in [one["id"] for one in self.romana.groups()]


class TestPermissions(GroupsTestCase):
    def test_without_port_security_groups_have_no_say(self):
        self.bound(port_security_enabled=False)
        assert self.permissions() == {"groups": None, "address_pairs": [], "port_security": False, "enabled": True}

    def test_address_pairs(self):
        pairs = [
            {"ip_address": "192.0.2.0/24"},
            {"ip_address": "198.51.100.7", "mac_address": "fa:16:3e:11:22:33"},
        ]
        self.bound(allowed_address_pairs=pairs)
        assert self.permissions()["address_pairs"] == [
            {"network": "192.0.2.0/24", "mac": None},
            {"network": "198.51.100.7/32", "mac": "fa:16:3e:11:22:33"},
        ]

    def test_a_port_that_is_down(self):
        port = self.bound()
        self.change("ports", port["id"], {"admin_state_up": False})
        assert not self.permissions()["enabled"]
        self.change("ports", port["id"], {"admin_state_up": True})
        assert self.permissions()["enabled"]

    def test_a_network_that_is_down(self):
        self.bound()
        self.change("networks", self.network_id, {"admin_state_up": False})
        assert not self.permissions()["enabled"]
        self.change("networks", self.network_id, {"admin_state_up": True})
        assert self.permissions()["enabled"]

    def test_port_security_of_the_network(self):
        self.change("networks", self.network_id, {"port_security_enabled": False})
        self.bound()
        assert not self.permissions()["port_security"]

    def test_an_endpoint_is_closed_until_it_has_its_groups(self):
        def fails(*_args):
            raise RomanaUnavailable(reason="gone")

        with mock.patch.object(in_step, "bring", fails):
            self.bound()
        assert self.permissions()["groups"] == []


class TestFollower(GroupsTestCase):
    def test_what_was_not_heard_is_made_good(self):
        group = self.group({"protocol": "tcp"})
        port = self.bound(security_groups=[group])
        (endpoint,) = self.romana.endpoints()
        self.romana.put_group(group, {"name": "stale", "rules": []})
        self.romana.update_endpoint(endpoint["id"], {"permissions": {"groups": []}})
        self.romana.put_group("stray", {"rules": []})
        self.follow_once()
        assert self.told(group) == [{"direction": "ingress", "protocol": 6}]
        assert self.permissions() == permissions(ports.read(port), {"admin_state_up": True})
        assert "stray" not in [one["id"] for one in self.romana.groups()]

    def test_no_request_fails_for_what_romana_server_does_not_hear(self):
        group, other = self.group(), self.group()
        port = self.bound(security_groups=[group])
        options = cfg.CONF.romana
        nowhere = RomanaClient("https://127.0.0.1:1", environment("CA_FILE"), options.token_file, 1)
        with mock.patch.object(client, "_client", nowhere):
            self.rule(group, protocol="tcp")
            self.delete("security-groups", other)
            self.change("ports", port["id"], {"allowed_address_pairs": [{"ip_address": "192.0.2.7"}]})
            self.change("networks", self.network_id, {"admin_state_up": False})
        assert (self.told(group), self.permissions()["address_pairs"]) == ([], [])
        self.follow_once()
        assert self.told(group) == [{"direction": "ingress", "protocol": 6}]
        assert [one["network"] for one in self.permissions()["address_pairs"]] == ["192.0.2.7/32"]
        assert not self.permissions()["enabled"]
        assert other not in [one["id"] for one in self.romana.groups()]

    def test_what_changes_during_a_comparison_is_not_undone(self):
        port = self.bound()
        with mock.patch.object(groups, "synchronize") as meanwhile:
            meanwhile.side_effect = lambda _known: self.change("ports", port["id"], {"security_groups": []})
            self.follow_once()
        assert self.permissions()["groups"] == []

    def test_what_is_in_step_is_left_alone(self):
        self.bound()
        before = [(one["id"], one["generation"]) for one in self.romana.groups() + self.romana.endpoints()]
        self.follow_once()
        assert before == [(one["id"], one["generation"]) for one in self.romana.groups() + self.romana.endpoints()]
