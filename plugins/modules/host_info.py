#!/usr/bin/python
"""Ansible module: the hosts of the Romana network."""

from __future__ import annotations

DOCUMENTATION = """
---
module: host_info
short_description: Lists the hosts of the Romana network
version_added: 1.0.0
description:
  - Lists the hosts that romana-server knows, with their prefixes, gateways and the state their agents last applied.
options:
  name:
    description: Only the host of this name. If there is none, the list is empty.
    type: str
extends_documentation_fragment:
  - romana.openstack.api
  - romana.openstack.attributes.info
seealso:
  - module: romana.openstack.host
"""

EXAMPLES = """
- name: List the hosts
  romana.openstack.host_info:
    api_url: https://controller:9600
    api_token: "{{ romana_token }}"
    api_ca_path: /etc/romana/ca.pem
  register: found

- name: Say where each host's endpoints are
  ansible.builtin.debug:
    msg: "{{ item.prefix }} is on {{ item.name }}"
  loop: "{{ found.hosts }}"
  loop_control:
    label: "{{ item.name }}"
"""

RETURN = """
hosts:
  description: The hosts, in the server's order.
  returned: success
  type: list
  elements: dict
  sample:
    - name: compute01
      address: 192.168.99.11
      index: 1
      owner: null
      floating_ips: []
      prefix: 10.1.0.0/16
      gateway: 10.1.0.1
      endpoints: 2
      generation: 4
      applied: 4
      applied_at: "2026-01-15T10:00:00Z"
      errors: 0
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.api import ARGUMENTS, list_or_one, run_info
from ..module_utils.contract import HOST, HOSTS


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec={**ARGUMENTS, "name": {"type": "str"}}, supports_check_mode=True)
    run_info(module, "hosts", lambda api: list_or_one(api, "hosts", (HOSTS, HOST), module.params["name"]))


if __name__ == "__main__":
    main()
