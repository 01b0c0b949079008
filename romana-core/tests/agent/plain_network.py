"""Guests as Neutron has them with its iptables firewall: bridges, and nothing of ours."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent_lab import Guest, Lab, LabError, Namespace
from apart import python_apart
from calls import forget_connections

NETWORK = "abcdef01234"
BRIDGE = f"brq{NETWORK}"  # as Neutron calls it: its rules say so
Rule = dict[str, Any]


class PlainNetwork:
    """A host for each node of a lab, and for each of its guests one with the same addresses."""

    def __init__(self, lab: Lab, guests: list[Guest]) -> None:
        self.guests = guests
        self.hosts = [Namespace(lab.unique("h")) for _ in lab.nodes]
        for host in self.hosts:
            host.run("ip", "link", "add", BRIDGE, "type", "bridge")
            host.run("ip", "link", "set", BRIDGE, "up")
        for host in self.hosts[1:]:
            self._link(self.hosts[0], f"to{host.name}"[:15], host, "up0")
        self.namespaces = [Namespace(lab.unique("q")) for _ in guests]
        for guest, namespace in zip(guests, self.namespaces, strict=True):
            host = self.hosts[guest.node.index]
            run = namespace.run
            run("ip", "link", "add", "eth0", "type", "veth", "peer", guest.interface, "netns", host.name)
            host.run("ip", "link", "set", guest.interface, "master", BRIDGE, "up")
            run("ip", "link", "set", "eth0", "address", guest.mac)
            run("ip", "addr", "add", f"{guest.address}/8", "dev", "eth0")
            run("ip", "link", "set", "eth0", "up")
        own = os.environ | {"EVENTLET_MONKEYPATCH": "1"}  # else it would patch what tells us of its threads
        program = Path(__file__).with_name("neutron_rules.py")
        self._converter = subprocess.Popen(
            [python_apart("neutron"), program],
            env=own, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip

    def _link(self, one: Namespace, name: str, other: Namespace, other_name: str) -> None:
        one.run("ip", "link", "add", name, "type", "veth", "peer", other_name, "netns", other.name)
        one.run("ip", "link", "set", name, "master", BRIDGE, "up")
        other.run("ip", "link", "set", other_name, "master", BRIDGE, "up")

    def apply(self, groups: Mapping[str, list[Rule]], members: Mapping[str, list[str]]) -> None:
        """Have Neutron's rules be in place, and no connection be known that began before.

        Neutron ends the connections that a removed rule let in by forgetting those. What begins anew with the next
        packet of its source is judged like any other.
        """
        for number, host in enumerate(self.hosts):
            ports = [self._port(guest) for guest in self.guests if guest.node.index == number]
            host.run("iptables-restore", stdin=self._converted({"ports": ports, "groups": groups, "members": members}))
            forget_connections(host.name)

    def _port(self, guest: Guest) -> Rule:
        return {
            "device": guest.interface,
            "device_owner": "compute:nova",
            "network_id": NETWORK,
            "mac_address": guest.mac,
            "fixed_ips": [guest.address],
            "security_groups": guest.permissions.groups,
        }

    def _converted(self, question: Rule) -> str:
        assert self._converter.stdin is not None
        assert self._converter.stdout is not None
        self._converter.stdin.write(json.dumps(question) + "\n")
        self._converter.stdin.flush()
        line = self._converter.stdout.readline()
        if not line:
            raise LabError("Neutron's conversion of rules ended")
        return str(json.loads(line))

    def close(self) -> None:
        """Take it away."""
        self._converter.communicate()
        for namespace in [*self.namespaces, *self.hosts]:
            namespace.close()
