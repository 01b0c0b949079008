"""A security group made for a verification: does it keep out what it must, and let in what a rule says?"""

from __future__ import annotations

from collections.abc import Callable

from romana_install.verify.cloud import Cloud
from romana_install.verify.findings import Findings
from romana_install.verify.guests import Instance
from romana_install.verify.patience import is_soon

WITHIN = 60.0  # seconds until a change of a group holds on all hosts
GROUPS = "/v2.0/security-groups"
RULES = "/v2.0/security-group-rules"
PORTS = "/v2.0/ports"

Reaches = Callable[[Instance, Instance], bool]


class GroupTrial:
    """Takes a port into a group without a rule for what comes in, and then adds one.

    Args:
        cloud: with a user of the instances' project.
        name: of the group that is made.
        reaches: whether one instance's ping to another is answered.
        findings: where what is found goes.
    """

    def __init__(self, cloud: Cloud, name: str, reaches: Reaches, findings: Findings) -> None:
        self._cloud = cloud
        self._name = name
        self._reaches = reaches
        self._findings = findings

    def run(self, source: Instance, target: Instance) -> None:
        """The target's port has the groups it had, after it. Raises CloudError."""
        (port,) = self._cloud.list("network", f"{PORTS}?device_id={target.id}", "ports")
        body = {"security_group": {"name": self._name, "description": "of a verification; may be deleted"}}
        group = str(self._cloud.post("network", GROUPS, body)["security_group"]["id"])
        try:
            self._move(port["id"], [group])
            problems = self._await(source, target, False, "although its group has no rule for that")
            rule = {"direction": "ingress", "protocol": "icmp", "security_group_id": group}
            self._cloud.post("network", RULES, {"security_group_rule": rule})
            problems += self._await(source, target, True, "although a rule of its group lets it in")
        finally:
            self._move(port["id"], port["security_groups"])
            self._cloud.delete("network", f"{GROUPS}/{group}")
        self._findings.note("security groups", problems, "a group keeps out, and lets in what a rule says")

    def remove(self) -> None:
        """Delete what a verification left that was killed; its instances are gone. Raises CloudError."""
        for group in self._cloud.list("network", f"{GROUPS}?name={self._name}", "security_groups"):
            self._cloud.delete("network", f"{GROUPS}/{group['id']}")

    def _move(self, port: str, groups: list[str]) -> None:
        self._cloud.put("network", f"{PORTS}/{port}", {"port": {"security_groups": groups}})

    def _await(self, source: Instance, target: Instance, wanted: bool, why: str) -> list[str]:
        """Nothing, or what is still wrong after `WITHIN`."""
        if is_soon(lambda: self._reaches(source, target) == wanted, WITHIN):
            return []
        answer = "is not answered" if wanted else "is answered"
        return [
            f"a ping from {source.name} to {target.name} {answer}, {why};"
            f" see: romana explain {source.address} {target.address} icmp, and romana host show {target.node}"
        ]
