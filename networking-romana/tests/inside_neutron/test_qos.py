"""QoS policies: what romana-server is told of them, when, and what is refused."""

from unittest import mock

from neutron.api import extensions
from oslo_config import cfg
from oslo_serialization import jsonutils

from networking_romana import client, follow, qos
from networking_romana.client import RomanaClient, romana
from networking_romana.contract import LARGEST_BURST, LARGEST_RATE

from .base import RomanaTestCase
from .server import environment

NONE = {"egress": None, "ingress": None}
TYPES = {
    "dscp_marking": {"dscp_mark": 8},
    "minimum_bandwidth": {"min_kbps": 1000, "direction": "egress"},
}
UNKNOWN = ("packet_rate_limit", "minimum_packet_rate")


class QosTestCase(RomanaTestCase):
    def begin(self):
        self.services.add_project(self.project, "blue")
        self.make_subnet()
        manager = extensions.PluginAwareExtensionManager.get_instance()
        self.extensions = extensions.ExtensionMiddleware(self.api, ext_mgr=manager)

    def ask(self, method, path, values=None, status=200):
        """A request to /qos/<path>; the answer, or the error's text when another status is expected."""
        answer = self._admin_req(method, "qos/" + path, values).get_response(self.extensions)
        content = jsonutils.loads(answer.body) if answer.body else {}
        assert answer.status_int == status, content
        return content["NeutronError"]["message"] if status >= 300 else content

    def policy(self, rate=None, burst=0, **values):
        """A policy, with a limit if a rate is given. Its id."""
        body = {"policy": dict({"name": "p", "project_id": self.project}, **values)}
        made = self.ask("POST", "policies", body, 201)["policy"]["id"]
        if rate is not None:
            self.limit(made, max_kbps=rate, max_burst_kbps=burst)
        return made

    def limit(self, policy, status=201, **values):
        """A rule of a policy. Its id."""
        path = "policies/{}/bandwidth_limit_rules".format(policy)
        made = self.ask("POST", path, {"bandwidth_limit_rule": values}, status)
        return made["bandwidth_limit_rule"]["id"] if status == 201 else made

    def change_limit(self, policy, rule, status=200, **values):
        path = "policies/{}/bandwidth_limit_rules/{}".format(policy, rule)
        return self.ask("PUT", path, {"bandwidth_limit_rule": values}, status)

    def bandwidth(self):
        (endpoint,) = self.romana.endpoints()
        return endpoint["bandwidth"]

    def bound(self, **values):
        return self.bind(self.make_port(**values)["id"])

    def follow_once(self):
        follow.Follower(romana(), self.plugin, cfg.CONF.romana).synchronize()


class TestLimits(QosTestCase):
    def test_of_a_port(self):
        self.bound(qos_policy_id=self.policy(1000, 800))
        assert self.bandwidth() == {"egress": {"rate": 1000, "burst": 800}, "ingress": None}

    def test_of_a_port_both_ways(self):
        policy = self.policy(1000)
        self.limit(policy, max_kbps=2000, direction="ingress")
        self.bound(qos_policy_id=policy)
        assert self.bandwidth() == {"egress": {"rate": 1000, "burst": 0}, "ingress": {"rate": 2000, "burst": 0}}

    def test_of_a_port_that_changes_its_policy(self):
        port = self.bound()
        assert self.bandwidth() == NONE
        self.change("ports", port["id"], {"qos_policy_id": self.policy(1000)})
        assert self.bandwidth()["egress"]["rate"] == 1000
        self.change("ports", port["id"], {"qos_policy_id": None})
        assert self.bandwidth() == NONE

    def test_of_the_network(self):
        self.bound()
        self.change("networks", self.network_id, {"qos_policy_id": self.policy(1000)})
        assert self.bandwidth()["egress"]["rate"] == 1000
        self.change("networks", self.network_id, {"qos_policy_id": None})
        assert self.bandwidth() == NONE

    def test_a_port_goes_before_its_network(self):
        self.change("networks", self.network_id, {"qos_policy_id": self.policy(1000)})
        port = self.bound()
        assert self.bandwidth()["egress"]["rate"] == 1000
        self.change("ports", port["id"], {"qos_policy_id": self.policy(20)})
        assert self.bandwidth()["egress"]["rate"] == 20

    def test_a_project_s_default_policy_is_of_its_new_networks(self):
        policy = self.policy(1000, is_default=True)
        made = self.make("networks", {"name": "n"})
        assert made["qos_policy_id"] == policy


class TestChanges(QosTestCase):
    def test_rules_of_a_port_s_policy(self):
        policy = self.policy()
        self.bound(qos_policy_id=policy)
        assert self.bandwidth() == NONE
        rule = self.limit(policy, max_kbps=1000)
        assert self.bandwidth()["egress"]["rate"] == 1000
        self.change_limit(policy, rule, max_kbps=2000)
        assert self.bandwidth()["egress"]["rate"] == 2000
        self.ask("DELETE", "policies/{}/bandwidth_limit_rules/{}".format(policy, rule), status=204)
        assert self.bandwidth() == NONE

    def test_rules_of_the_network_s_policy(self):
        policy = self.policy()
        self.change("networks", self.network_id, {"qos_policy_id": policy})
        self.bound()
        self.limit(policy, max_kbps=1000)
        assert self.bandwidth()["egress"]["rate"] == 1000

    def test_by_the_rule_alone(self):
        policy = self.policy()
        self.bound(qos_policy_id=policy)
        rule = self.limit(policy, max_kbps=1000)
        self.ask("PUT", "alias_bandwidth_limit_rules/" + rule, {"alias_bandwidth_limit_rule": {"max_kbps": 3000}})
        assert self.bandwidth()["egress"]["rate"] == 3000

    def test_what_romana_server_did_not_hear_is_made_good(self):
        policy = self.policy(1000)
        self.bound(qos_policy_id=policy)
        nowhere = RomanaClient("https://127.0.0.1:1", environment("CA_FILE"), cfg.CONF.romana.token_file, 1)
        with mock.patch.object(client, "_client", nowhere):
            self.limit(policy, max_kbps=2000, direction="ingress")
        assert self.bandwidth()["ingress"] is None
        self.follow_once()
        assert self.bandwidth()["ingress"]["rate"] == 2000
        (endpoint,) = self.romana.endpoints()
        self.romana.update_endpoint(endpoint["id"], {"bandwidth": NONE})
        self.follow_once()
        assert self.bandwidth()["egress"]["rate"] == 1000

    def test_what_is_in_step_is_left_alone(self):
        self.bound(qos_policy_id=self.policy(1000))
        before = self.romana.endpoints()
        self.follow_once()
        assert self.romana.endpoints() == before


class TestRefusals(QosTestCase):
    def test_only_bandwidth_limits_are_listed(self):
        assert self.ask("GET", "rule-types")["rule_types"] == [{"type": "bandwidth_limit"}]
        found = self.ask("GET", "rule-types/bandwidth_limit")["rule_type"]["drivers"]
        assert [one["name"] for one in found] == ["romana"]
        ranges = {one["parameter_name"]: one["parameter_values"] for one in found[0]["supported_parameters"]}
        assert ranges["max_kbps"] == {"start": 1, "end": LARGEST_RATE}

    def test_extensions_without_effect_are_not_there(self):
        there = set(extensions.PluginAwareExtensionManager.get_instance().extensions)
        assert {"qos", "qos-bw-limit-direction", "qos-port-network-policy"} <= there
        assert qos.WITHOUT_EFFECT.isdisjoint(there)

    def test_unknown_filters_are_refused_as_without_the_plugin(self):
        said = self._admin_req("GET", "networks", params="nonsense=1").get_response(self.api)
        assert (said.status_int, "nonsense" in said.text) == (400, True)

    def test_other_types(self):
        policy = self.policy()
        for kind, values in TYPES.items():
            said = self.ask("POST", "policies/{}/{}_rules".format(policy, kind), {kind + "_rule": values}, 400)
            assert "a QoS rule of type {} is not possible: hosts limit bandwidth".format(kind) in said
        for kind in UNKNOWN:
            request = self._admin_req("POST", "qos/policies/{}/{}_rules".format(policy, kind), {kind + "_rule": {}})
            assert request.get_response(self.extensions).status_int == 404
        assert self.ask("GET", "policies/" + policy)["policy"]["rules"] == []

    def test_limits_that_no_host_keeps(self):
        policy = self.policy()
        assert "max_kbps 0 is not possible; give 1 to" in self.limit(policy, 400, max_kbps=0)
        assert "max_kbps 100000001 is not possible" in self.limit(policy, 400, max_kbps=LARGEST_RATE + 1)
        said = self.limit(policy, 400, max_kbps=1, max_burst_kbps=LARGEST_BURST + 1)
        assert "max_burst_kbps 10000001 is not possible" in said
        rule = self.limit(policy, max_kbps=LARGEST_RATE, max_burst_kbps=LARGEST_BURST)
        assert "max_kbps 0 is not possible" in self.change_limit(policy, rule, 400, max_kbps=0)

    def test_a_policy_of_before_with_other_rules_is_not_taken(self):
        policy = self.policy()
        with mock.patch.object(qos, "check"):
            path = "policies/{}/dscp_marking_rules".format(policy)
            self.ask("POST", path, {"dscp_marking_rule": {"dscp_mark": 8}}, 201)
        assert "dscp_marking is not supported by port" in self.make_port(409, qos_policy_id=policy)
        assert "dscp_marking is not supported" in self.change(
            "networks", self.network_id, {"qos_policy_id": policy}, 409
        )
