#!/usr/bin/python
"""Ansible module: one host of the Romana network."""

from __future__ import annotations

DOCUMENTATION = """
---
module: host
short_description: Manages a host of the Romana network
version_added: 1.0.0
description:
  - Creates a host in romana-server, which assigns it an index and so a prefix; changes its address, its owner, or the
    floating IPs that are delivered to it only; or removes it.
options:
  name:
    description: Name of the host.
    type: str
    required: true
  address:
    description:
      - The host's own IPv4 address, the next hop of its prefix for the other hosts.
      - Required when O(state=present).
    type: str
  index:
    description:
      - Number of the host in the address plan, from 0. By default, the lowest free one.
      - A host's index cannot be changed, because it is part of its endpoints' addresses.
    type: int
  owner:
    description:
      - Tenant that owns the host. The host then gets endpoints of that tenant only, and the other hosts accept no
        other tenant's addresses from it.
      - By default, it is not changed; a new host has no owner. An empty string removes the owner.
    type: str
  floating_ips:
    description:
      - All floating IPs that the network delivers to this host only, as on AWS an address reaches one network
        interface. They can be given to endpoints of this host, and to no others.
      - By default, they are not changed; a new host has none. An empty list takes them away.
      - One that is the floating IP of an endpoint on another host is refused until it is taken from that endpoint.
    type: list
    elements: str
  state:
    description: Whether the host exists. A host that has endpoints cannot be removed.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - romana.openstack.api
  - romana.openstack.attributes
seealso:
  - module: romana.openstack.host_info
"""

EXAMPLES = """
- name: Add the first compute node
  romana.openstack.host:
    name: compute01
    address: 192.168.99.11
    api_url: https://controller:9600
    api_token: "{{ romana_token }}"
    api_ca_path: /etc/romana/ca.pem

- name: Add a machine of the tenant demo's own
  romana.openstack.host:
    name: compute02
    address: 192.168.99.12
    owner: demo
    api_url: https://controller:9600
    api_token: "{{ romana_token }}"
    api_ca_path: /etc/romana/ca.pem

- name: Say which floating IPs reach it alone
  romana.openstack.host:
    name: compute01
    address: 172.31.0.11
    floating_ips: [172.31.0.201, 172.31.0.202]
    api_url: https://controller:9600
    api_token: "{{ romana_token }}"
    api_ca_path: /etc/romana/ca.pem

- name: Remove it
  romana.openstack.host:
    name: compute01
    state: absent
    api_url: https://controller:9600
    api_token: "{{ romana_token }}"
    api_ca_path: /etc/romana/ca.pem
"""

RETURN = """
host:
  description:
    - The host as romana-server has it; empty if it does not exist.
    - In check mode, a host that would be created has only the values from the task.
  returned: success
  type: dict
  sample:
    name: compute01
    address: 192.168.99.11
    index: 1
    owner: null
    floating_ips: []
    prefix: 10.1.0.0/16
    gateway: 10.1.0.1
    endpoints: 0
    generation: 4
    applied: 4
    applied_at: "2026-01-15T10:00:00Z"
    errors: 0
"""

from ipaddress import IPv4Address
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.api import ARGUMENTS, NAME, STATE, Request, run
from ..module_utils.contract import HOST, HOSTS, path
from ..module_utils.difference import Difference, RefusedError

# What may change of a host, and what is sent where it has none.
CHANGEABLE: dict[str, Any] = {"address": None, "owner": None, "floating_ips": []}


def difference(params: dict[str, Any], current: dict[str, Any]) -> Difference[Request]:
    """From the host as it is, {} for none, to what the task says. Raises RefusedError for what can't be changed."""
    name, index = params["name"], params["index"]
    before: dict[str, Any] = {
        key: current[key] for key in ("name", "address", "index", "owner") if current.get(key) is not None
    }
    if current.get("floating_ips"):
        before["floating_ips"] = current["floating_ips"]
    if params["state"] == "absent":
        remove = Request(f"remove host {name}", "DELETE", path(HOST, name))
        return Difference(before, {}, (remove,) if current else ())
    wanted: dict[str, Any] = {"name": name, "address": _address(params["address"])}
    if params["owner"]:
        wanted["owner"] = params["owner"]
    if params["floating_ips"]:
        wanted["floating_ips"] = sorted(map(_address, params["floating_ips"]), key=IPv4Address)
    if not current:
        wanted |= {} if index is None else {"index": index}
        return Difference(before, wanted, (Request(f"add host {name}", "POST", HOSTS, wanted),))
    if index not in (None, current["index"]):
        raise RefusedError(
            f"cannot change the index of host {name} from {current['index']} to {index}:"
            " its endpoints' addresses hold it; remove the host and add it again"
        )
    after = before | wanted
    if params["owner"] == "":
        after.pop("owner", None)
    if params["floating_ips"] == []:
        after.pop("floating_ips", None)
    changes = {key: after.get(key, none) for key, none in CHANGEABLE.items() if after.get(key) != before.get(key)}
    update = Request(f"change host {name}", "PATCH", path(HOST, name), changes)
    return Difference(before, after, (update,) if before != after else ())


def _address(text: str) -> str:
    try:
        return str(IPv4Address(text))
    except ValueError:
        raise RefusedError(f"address {text!r} is no IPv4 address; write it like 192.168.99.11") from None


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            **ARGUMENTS,
            "name": NAME,
            "address": {"type": "str"},
            "index": {"type": "int"},
            "owner": {"type": "str"},
            "floating_ips": {"type": "list", "elements": "str"},
            "state": STATE,
        },
        required_if=[("state", "present", ["address"])],
        supports_check_mode=True,
    )
    name = module.params["name"]
    run(
        module,
        "host",
        lambda api: api.find(f"read host {name}", HOST, name),
        lambda current: difference(module.params, current),
    )


if __name__ == "__main__":
    main()
