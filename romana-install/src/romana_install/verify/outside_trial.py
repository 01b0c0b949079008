"""A floating IP made for a verification: is its instance reached by it from outside, and no more without it?"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

from romana.client import Client
from romana_install.state.stack import Stack
from romana_install.verify.cloud import Cloud, CloudError
from romana_install.verify.findings import Findings
from romana_install.verify.guests import Instance
from romana_install.verify.network import Network
from romana_install.verify.patience import is_soon

EXTERNAL = "public"  # the external network that an installation makes
ALL_GIVEN_AWAY = "IpAddressGenerationFailure"  # Neutron's word for it
NONE_OF_HOST = "has none free"  # our plugin's, of a host that floating IPs of its own are delivered to
INTERFACE = "network:router_interface"  # whose port it is; others are the gateway's
WITHIN = 20.0  # seconds until a change of a floating IP holds on all hosts
PATIENCE = 1.0  # seconds for an answer
MOST_ASKERS = 2  # nodes, if the first should not answer
NETWORKS, SUBNETS = "/v2.0/networks", "/v2.0/subnets"
ROUTERS, FLOATING_IPS = "/v2.0/routers", "/v2.0/floatingips"
GROUPS, RULES, PORTS = "/v2.0/security-groups", "/v2.0/security-group-rules", "/v2.0/ports"


class Asker(NamedTuple):
    """Somebody outside. asks: whether a ping to an address is answered."""

    name: str
    asks: Callable[[str], bool]


class OutsideTrial:
    """Makes a network with a router to the external network, and gives an instance on it a floating IP.

    Args:
        stack: whose nodes may have to ask, where this machine does not reach them.
        cloud: with a user who gets all of it.
        name: of all that is made; of the floating IP, the description.
        client: of romana-server.
        findings: where what is found goes.
    """

    def __init__(self, stack: Stack, cloud: Cloud, name: str, client: Client, findings: Findings) -> None:
        self.name = name
        self._stack = stack
        self._cloud = cloud
        self._client = client
        self._findings = findings
        self._external = ""
        self._floating: dict[str, Any] = {}

    def prepare(self, tenant: str) -> str | None:
        """Make all that an instance needs, but for the floating IP: which it may be depends on the instance's host.

        tenant: of the user's project. Returns the segment that the network is; None where there is nothing to be
        tried, which is noted. Raises CloudError and ClientError.
        """
        external = next((one for one in self._listed(NETWORKS, name=EXTERNAL) if one.get("router:external")), None)
        if external is None:
            self._note([], "not tried, as there is no external network")
            return None
        self._external = external["id"]
        try:
            network = self._make()
        except CloudError as refusal:
            if ALL_GIVEN_AWAY not in str(refusal):
                raise
            self._note([], f"not tried, as all addresses of {EXTERNAL} are given away")
            return None
        return next(one.name for one in self._client.segments(tenant) if one.network_id == network)

    def run(self, instance: Instance) -> None:
        """The instance, which is on the network, has no floating IP after it. Raises CloudError and ClientError."""
        (port,) = self._listed(PORTS, device_id=instance.id)
        with self._somebody_outside(instance.node) as asker:
            if asker is None:
                self._note([], f"not tried, as neither this machine nor another node can ask {instance.node}")
                return
            if not self._give(port["id"]):
                self._note([], f"not tried, as all addresses of {EXTERNAL} for {instance.node} are given away")
                return
            address = self._floating["floating_ip_address"]
            problems = self._await(asker, True, f"gets no answer from {instance.name} by {address}, its floating IP")
            self._take_away()
            problems += self._await(asker, False, f"gets answers by {address}, although it is no floating IP any more")
        see = f"; see: romana floating-ip list on the controller, journalctl -u romana-agent on {instance.node}"
        self._note([f"{one}{see}" for one in problems], f"{instance.name} answers {asker.name} by {address}")

    def remove(self) -> None:
        """Delete what a verification makes, also one that was killed; its instances are gone. Raises CloudError."""
        for one in self._listed(FLOATING_IPS):
            if one["description"] == self.name:
                self._cloud.delete("network", f"{FLOATING_IPS}/{one['id']}")
        for router in self._listed(ROUTERS, name=self.name):
            path = f"{ROUTERS}/{router['id']}"
            for port in self._listed(PORTS, device_id=router["id"], device_owner=INTERFACE):
                self._cloud.put("network", f"{path}/remove_router_interface", {"port_id": port["id"]})
            self._cloud.delete("network", path)
        for kind in (NETWORKS, GROUPS):
            for one in self._listed(kind, name=self.name):
                self._cloud.delete("network", f"{kind}/{one['id']}")

    def _make(self) -> str:
        """All of it; the network's id."""
        gateway = {"external_gateway_info": {"network_id": self._external}}
        router = self._post(ROUTERS, "router", name=self.name, **gateway)
        network = self._post(NETWORKS, "network", name=self.name)["id"]
        of_default_pool = {"ip_version": 4, "use_default_subnetpool": True}
        subnet = self._post(SUBNETS, "subnet", name=self.name, network_id=network, **of_default_pool)
        self._cloud.put("network", f"{ROUTERS}/{router['id']}/add_router_interface", {"subnet_id": subnet["id"]})
        group = self._post(GROUPS, "security_group", name=self.name, description="of a verification; may be deleted")
        self._post(RULES, "security_group_rule", direction="ingress", protocol="icmp", security_group_id=group["id"])
        return str(network)

    def _post(self, path: str, kind: str, **attributes: Any) -> dict[str, Any]:
        return dict(self._cloud.post("network", path, {kind: attributes})[kind])

    def _listed(self, path: str, **query: str) -> list[dict[str, Any]]:
        """What there is of a kind; nothing, too, where Neutron does not offer it."""
        asked = "&".join(f"{key}={value}" for key, value in query.items())
        answer = self._cloud.get("network", f"{path}?{asked}")
        return list(answer[path.rpartition("/")[2].replace("-", "_")]) if answer else []

    def _give(self, port: str) -> bool:
        """Make a floating IP of a port; no where there is none left for it. Raises CloudError."""
        wanted = {"floating_network_id": self._external, "port_id": port, "description": self.name}
        try:
            self._floating = self._post(FLOATING_IPS, "floatingip", **wanted)
        except CloudError as refusal:
            if any(word in str(refusal) for word in (ALL_GIVEN_AWAY, NONE_OF_HOST)):
                return False
            raise
        return True

    def _take_away(self) -> None:
        self._cloud.put("network", f"{FLOATING_IPS}/{self._floating['id']}", {"floatingip": {"port_id": None}})

    @contextmanager
    def _somebody_outside(self, node: str) -> Iterator[Asker | None]:
        """This machine, where the host's own address answers it; else another node. None where there is none.

        Whoever reaches hosts there reaches floating IPs. Where only ssh leads to nodes, their addresses may be somebody
        else's here.
        """
        if not self._stack.target.by_ssh(self._stack) and _is_answered(str(self._client.host(node).address)):
            yield Asker("this machine", _is_answered)
            return
        network = Network(self._stack.ssh_command, self._stack.become_password)
        network.connect([one.name for one in self._stack.nodes if one.name != node][:MOST_ASKERS])
        try:
            other = next(iter(network.ready()), None)
            yield Asker(other, partial(network.ping, other, timeout=PATIENCE)) if other else None
        finally:
            network.close()

    def _await(self, asker: Asker, wanted: bool, wrong: str) -> list[str]:
        """Nothing, or what is still wrong after `WITHIN`."""
        address = self._floating["floating_ip_address"]
        return [] if is_soon(lambda: asker.asks(address) == wanted, WITHIN) else [f"{asker.name} {wrong}"]

    def _note(self, problems: list[str], good: str) -> None:
        self._findings.note("router and floating IP", problems, good)


def _is_answered(address: str) -> bool:
    """Whether an address answers this machine's ping; no, too, where this machine has no such program."""
    try:
        done = subprocess.run(
            ["ping", "-c", "1", "-W", f"{PATIENCE:g}", address],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except FileNotFoundError:
        return False
    return done.returncode == 0
