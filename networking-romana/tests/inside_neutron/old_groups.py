"""Security groups and attributes under a Neutron of old: what romana-server is told, and what is refused."""

from __future__ import absolute_import

from .old_neutron import OldNeutronTestCase


class TestGroups(OldNeutronTestCase):
    def group(self, **rule):
        made = self.make("security-group", name="g")
        for one in made["security_group_rules"]:
            self.remove("security-group-rule", one["id"])
        if rule:
            self.rule(made["id"], **rule)
        return made["id"]

    def rule(self, group, **values):
        wanted = dict({"direction": "ingress", "ethertype": "IPv4", "security_group_id": group}, **values)
        return self.make("security-group-rule", **wanted)["id"]

    def told(self, group):
        (found,) = [one for one in self.romana.groups() if one["id"] == group]
        return [dict((key, rule[key]) for key in rule if rule[key] is not None) for rule in found["rules"]]

    def endpoint(self):
        (found,) = self.romana.endpoints()
        return found

    def permissions(self):
        return self.endpoint()["permissions"]

    def test_port_is_in_its_groups(self):
        group = self.group(protocol="tcp", port_range_min=22, port_range_max=23, remote_ip_prefix="192.0.2.0/24")
        self.make_port(security_groups=[group])
        assert self.permissions()["groups"] == [group]
        rule = {"direction": "ingress", "protocol": 6, "ports": "22-23", "remotes": ["192.0.2.0/24"]}
        assert self.told(group) == [rule]

    def test_port_is_in_the_default_group(self):
        (group,) = self.make_port()["security_groups"]
        assert self.permissions()["groups"] == [group]
        assert {"direction": "ingress", "remote_group": group} in self.told(group)

    def test_changes_are_told_at_once(self):
        group = self.group()
        rule = self.rule(group, protocol="icmp", port_range_min=8)
        assert self.told(group) == [{"direction": "ingress", "protocol": 1, "icmp_type": 8}]
        self.remove("security-group-rule", rule)
        assert self.told(group) == []
        self.change("security-group", group, name="h")
        assert [one["name"] for one in self.romana.groups() if one["id"] == group] == ["h"]
        self.remove("security-group", group)
        assert group not in [one["id"] for one in self.romana.groups()]

    def test_port_changes_its_groups(self):
        one, other = self.group(), self.group()
        port = self.make_port(security_groups=[one])
        self.change("port", port["id"], security_groups=[other])
        assert self.permissions()["groups"] == [other]
        self.change("port", port["id"], security_groups=[])
        assert self.permissions()["groups"] == []

    def test_what_a_port_and_its_network_say(self):
        pairs = [{"ip_address": "192.0.2.7"}]
        port = self.make_port(allowed_address_pairs=pairs)
        assert [one["network"] for one in self.permissions()["address_pairs"]] == ["192.0.2.7/32"]
        self.change("port", port["id"], admin_state_up=False)
        assert not self.permissions()["enabled"]
        self.change("port", port["id"], admin_state_up=True)
        assert self.permissions()["enabled"]
        self.change("network", self.network, admin_state_up=False)
        assert not self.permissions()["enabled"]
        self.change("port", port["id"], security_groups=[], allowed_address_pairs=[], port_security_enabled=False)
        assert (self.permissions()["groups"], self.permissions()["port_security"]) == (None, False)

    def test_what_the_guest_is_told(self):
        self.make_port(extra_dhcp_opts=[{"opt_name": "ntp-server", "opt_value": "192.0.2.1"}])
        assert self.endpoint()["lease"]["options"] == [{"number": 42, "value": "192.0.2.1"}]
        self.change("subnet", self.subnet, dns_nameservers=["192.0.2.53"], enable_dhcp=False)
        lease = self.endpoint()["lease"]
        assert (lease["nameservers"], lease["offered"]) == (["192.0.2.53"], False)

    def test_what_is_refused(self):
        def refused(**values):
            return self.make("port", 400, network_id=self.network, **values)

        assert "vnic type direct is not possible" in refused(**{"binding:vnic_type": "direct"})
        assert "DHCP option nonsense is not possible" in refused(
            extra_dhcp_opts=[{"opt_name": "nonsense", "opt_value": "x"}]
        )
        assert "guests have no IPv6" in refused(allowed_address_pairs=[{"ip_address": "2001:db8::1"}])

    def test_what_was_not_heard_is_made_good(self):
        group = self.group(protocol="udp")
        self.make_port(security_groups=[group])
        self.romana.put_group(group, {"name": "stale", "rules": []})
        self.romana.update_endpoint(self.endpoint()["id"], {"permissions": {"groups": []}})
        self.romana.put_group("stray", {"rules": []})
        self.follow_once()
        assert self.told(group) == [{"direction": "ingress", "protocol": 17}]
        assert self.permissions()["groups"] == [group]
        assert "stray" not in [one["id"] for one in self.romana.groups()]
