"""Machines of the nodes' network that are no nodes: who is outside of the Romana network."""

from __future__ import annotations

from agent_lab import Lab, Namespace, run

FLOATING_NETWORK = "172.24.4.0/24"


class Outside(Namespace):
    """A machine of the nodes' network; the floating IPs' network is on its link."""

    def __init__(self, lab: Lab, address: str) -> None:
        super().__init__(lab.unique("o"))
        port = lab.unique("p")
        run("ip", "link", "add", port, "netns", lab.switch.name, "type", "veth", "peer", "eth0", "netns", self.name)
        lab.switch.run("ip", "link", "set", port, "master", "bridge0", "up")
        self.run("ip", "addr", "add", f"{address}/24", "dev", "eth0")
        self.run("ip", "link", "set", "eth0", "up")
        self.run("ip", "route", "add", FLOATING_NETWORK, "dev", "eth0")
        self.run("sysctl", "-qw", "net.ipv4.ip_forward=1")

    def reaches(self, address: str) -> bool:
        """Whether a ping is answered."""
        return ", 0% packet loss" in self.run("busybox", "ping", "-c", "2", "-W", "2", address, check=False)
