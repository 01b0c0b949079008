#!/usr/bin/python
"""Ansible module: one policy of the Romana network."""

from __future__ import annotations

DOCUMENTATION = """
---
module: policy
short_description: Manages a policy between tenants, segments and outside networks
version_added: 1.0.0
description:
  - Creates, changes or removes a policy, which allows traffic from a source to a target, and its replies. Traffic
    between segments is blocked unless a policy allows it.
  - To change a policy, the module replaces it, so for a moment it allows nothing.
options:
  name:
    description: Name of the policy.
    type: str
    required: true
  source:
    description: Side that may open connections. Required when O(state=present).
    type: dict
    suboptions: &peer
      tenant:
        description: A tenant; all its segments unless one is given. Exactly one of this and C(cidr).
        type: str
      segment:
        description: One segment of the tenant.
        type: str
      cidr:
        description: A network outside the address plan, like C(192.168.99.0/24). At most one side is a network.
        type: str
  target:
    description: Side that it may connect to. Required when O(state=present).
    type: dict
    suboptions: *peer
  protocol:
    description: Protocol of the traffic.
    type: str
    choices: [any, tcp, udp, icmp]
    default: any
  ports:
    description: Ports of the target, each C(80) or a range, C(8000-8010). Requires V(tcp) or V(udp). By default, all.
    type: list
    elements: str
    default: []
  state:
    description: Whether the policy exists.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - romana.openstack.api
  - romana.openstack.attributes
seealso:
  - module: romana.openstack.policy_info
"""

EXAMPLES = """
- name: Let the web servers of a tenant reach its databases
  romana.openstack.policy:
    name: web-to-databases
    source: {tenant: demo, segment: web}
    target: {tenant: demo, segment: databases}
    protocol: tcp
    ports: [5432]
    api_url: https://controller:9600
    api_token: "{{ romana_token }}"
    api_ca_path: /etc/romana/ca.pem

- name: Let the office log in to everything of a tenant
  romana.openstack.policy:
    name: office-ssh
    source: {cidr: 198.51.100.0/24}
    target: {tenant: demo}
    protocol: tcp
    ports: [22]
    api_url: https://controller:9600
    api_token: "{{ romana_token }}"
    api_ca_path: /etc/romana/ca.pem
"""

RETURN = """
policy:
  description: The policy as romana-server has it, or would have it in check mode; empty if it does not exist.
  returned: success
  type: dict
  sample:
    name: web-to-databases
    source: {"tenant": "demo", "segment": "web", "cidr": null}
    target: {"tenant": "demo", "segment": "databases", "cidr": null}
    protocol: tcp
    ports: ["5432"]
    generation: 15
"""

import re
from ipaddress import IPv4Network
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.api import ARGUMENTS, NAME, STATE, Request, run
from ..module_utils.contract import POLICIES, POLICY, path
from ..module_utils.difference import Difference, RefusedError

PEER = {
    "type": "dict",
    "options": {"tenant": {"type": "str"}, "segment": {"type": "str"}, "cidr": {"type": "str"}},
    "mutually_exclusive": [("tenant", "cidr")],
    "required_one_of": [("tenant", "cidr")],
    "required_by": {"segment": ["tenant"]},
}


def difference(params: dict[str, Any], current: dict[str, Any]) -> Difference[Request]:
    """From the policy as it is, {} for none, to what the task says. Raises RefusedError for a policy that can't be."""
    name = params["name"]
    before = normal(current) if current else {}
    remove = Request(f"remove policy {name}", "DELETE", path(POLICY, name))
    if params["state"] == "absent":
        return Difference(before, {}, (remove,) if current else ())
    after = normal(params)
    if not current:
        make = Request(f"make policy {name}", "POST", POLICIES, after)
        return Difference(before, after, (make,))
    restore = Request(f"restore policy {name}", "POST", POLICIES, before)
    change = Request(f"change policy {name}", "POST", POLICIES, after, fallback=restore)
    return Difference(before, after, (remove, change) if before != after else ())


def normal(policy: dict[str, Any]) -> dict[str, Any]:
    """A policy such that two that mean the same are equal. Raises RefusedError for one that can't be."""
    if policy["ports"] and policy["protocol"] not in ("tcp", "udp"):
        raise RefusedError(f"ports need protocol tcp or udp, not {policy['protocol']}")
    bounds = sorted({_bounds(text) for text in policy["ports"]})
    return {
        "name": policy["name"],
        "source": _peer(policy["source"]),
        "target": _peer(policy["target"]),
        "protocol": policy["protocol"],
        "ports": [str(low) if low == high else f"{low}-{high}" for low, high in bounds],
    }


def _peer(peer: dict[str, Any]) -> dict[str, str]:
    given = {key: str(value) for key, value in peer.items() if value is not None}
    if "cidr" in given:
        try:
            given["cidr"] = IPv4Network(given["cidr"]).with_prefixlen
        except ValueError as error:
            raise RefusedError(
                f"cidr {given['cidr']!r} is no network ({error}); write it like 192.168.99.0/24"
            ) from None
    return given


def _bounds(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", text)
    low, high = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not 1 <= low <= high <= 65535:
        raise RefusedError(
            f"port {text!r} is no port of 1 to 65535 and no ascending range of them; write it like 80 or 8000-8010"
        )
    return low, high


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            **ARGUMENTS,
            "name": NAME,
            "source": PEER,
            "target": PEER,
            "protocol": {"type": "str", "choices": ["any", "tcp", "udp", "icmp"], "default": "any"},
            "ports": {"type": "list", "elements": "str", "default": []},
            "state": STATE,
        },
        required_if=[("state", "present", ["source", "target"])],
        supports_check_mode=True,
    )
    name = module.params["name"]
    run(
        module,
        "policy",
        lambda api: api.find(f"read policy {name}", POLICY, name),
        lambda current: difference(module.params, current),
    )


if __name__ == "__main__":
    main()
