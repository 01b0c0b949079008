"""Nothing opens while Neutron is killed: what romana-server is told is watched the whole time."""

import itertools
import random
import secrets
import socket
import tempfile
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import requests

from networking_romana.client import RomanaClient

from .processes import running, until
from .server import HOST, environment, forget_all, token_file

PROJECT = "p1"
KILLS = 3
ALWAYS, FIRST, SECOND = "5001", "5002", "5003"
# Rules come and go one by one, and never are the last two in Neutron at the same time.
STATES = {(ALWAYS,), (ALWAYS, FIRST), (ALWAYS, SECOND)}


class Cloud:
    """A port in one of two groups at a time, and the rules of one that change."""

    def __init__(self, neutron):
        self._neutron = neutron
        network = self._make("network", name="romana")
        self._make("subnet", network_id=network, cidr="10.0.0.0/8", ip_version=4, gateway_ip=None)
        self.served, self.mates = (self._make("security-group", name=name) for name in ("served", "mates"))
        for group in (self.served, self.mates):
            for rule in self._rules(group):
                self._neutron.ask("DELETE", "security-group-rules/" + rule["id"])
        self._let_in(ALWAYS)
        place = {"device_owner": "compute:nova", "device_id": "i", "binding:host_id": HOST}
        self.port = self._make("port", network_id=network, security_groups=[self.served], **place)

    def change(self, step):
        """The next of all changes there are."""
        come, go = (FIRST, SECOND) if step % 2 else (SECOND, FIRST)
        for rule in self._rules(self.served):
            if str(rule["port_range_min"]) == go:
                self._neutron.ask("DELETE", "security-group-rules/" + rule["id"])
        self.move(self.mates if step % 2 else self.served)
        if come not in self.ports():
            self._let_in(come)

    def move(self, group):
        """Have the port be in that group."""
        self._neutron.ask("PUT", "ports/" + self.port, {"port": {"security_groups": [group]}})

    def ports(self):
        """What the group lets in, by what Neutron says."""
        return tuple(sorted(str(rule["port_range_min"]) for rule in self._rules(self.served)))

    def groups(self):
        """What the port is in, by what Neutron says."""
        return tuple(self._neutron.ask("GET", "ports/" + self.port)["port"]["security_groups"])

    def _rules(self, group):
        found = self._neutron.ask("GET", "security-group-rules?security_group_id=" + group)
        return found["security_group_rules"]

    def _let_in(self, port):
        rule = {"direction": "ingress", "ethertype": "IPv4", "protocol": "tcp", "security_group_id": self.served}
        self._make("security-group-rule", port_range_min=port, port_range_max=port, **rule)

    def _make(self, kind, **values):
        single = kind.replace("-", "_")
        made = self._neutron.ask("POST", kind + "s", {single: dict(values, tenant_id=PROJECT)})
        return made[single]["id"]


class TestKilled(unittest.TestCase):
    def setUp(self):
        self.romana = RomanaClient(environment("URL"), environment("CA_FILE"), token_file("admin"), 60)
        seed = secrets.randbits(32)
        print("seed", seed)
        self.dice = random.Random(seed)  # noqa: S311 - it is to be the same again for the same seed
        self.addCleanup(forget_all, self.romana)

    def told(self, group):
        """What romana-server lets into a group; None when it does not know the group."""
        rules = [one["rules"] for one in self.romana.groups() if one["id"] == group]
        return tuple(sorted(rule["ports"] for rule in rules[0])) if rules else None

    def test_nothing_opens_and_the_end_is_what_neutron_says(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        with tempfile.TemporaryDirectory() as directory, running(directory, port) as neutron:
            cloud = Cloud(neutron)
            until(lambda: self.told(cloud.served) == (ALWAYS,), "the group is known")
            rules, memberships = self.watch(cloud, lambda: self.change_and_kill(neutron, cloud))
            assert rules <= STATES, rules
            assert memberships <= {(cloud.served,), (cloud.mates,)}, memberships
            assert len(rules) > 1
            assert len(memberships) > 1
            until(lambda: self.told(cloud.served) == cloud.ports(), "what was missed is made good")
            until(lambda: self.memberships(cloud) == {cloud.groups()}, "and who is in which group")

    def watch(self, cloud, work):
        """All that romana-server says, while `work` goes on, of the group's rules and the port's groups."""
        rules, memberships = set(), set()
        with ThreadPoolExecutor(1) as pool:
            going_on = pool.submit(work)
            while not going_on.done():
                rules.add(self.told(cloud.served))
                memberships |= self.memberships(cloud)
            going_on.result()
        return rules, memberships

    def memberships(self, cloud):
        """The groups of the port's endpoint."""
        there = [one["permissions"]["groups"] for one in self.romana.endpoints() if one["name"] == cloud.port]
        return {("none has a say",) if groups is None else tuple(groups) for groups in there}

    def change_and_kill(self, neutron, cloud):
        """Change again and again, and kill Neutron in the middle of whatever it is at."""
        for number in range(KILLS):
            cloud.change(number)
            with ThreadPoolExecutor(1) as killer:
                killing = killer.submit(self.kill_after, neutron, self.dice.uniform(0, 2))
                for step in itertools.count(number + 1):
                    if killing.done():
                        break
                    with suppress(requests.RequestException):  # it has been killed meanwhile
                        cloud.change(step)
                killing.result()
            neutron.start()

    def kill_after(self, neutron, seconds):
        time.sleep(seconds)  # any moment will do
        neutron.kill()
