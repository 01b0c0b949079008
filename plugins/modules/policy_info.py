#!/usr/bin/python
"""Ansible module: the policies of the Romana network."""

from __future__ import annotations

DOCUMENTATION = """
---
module: policy_info
short_description: Lists the policies of the Romana network
version_added: 1.0.0
description:
  - Lists the policies between tenants, segments and outside networks.
options:
  name:
    description: Only the policy of this name. If there is none, the list is empty.
    type: str
extends_documentation_fragment:
  - romana.openstack.api
  - romana.openstack.attributes.info
seealso:
  - module: romana.openstack.policy
"""

EXAMPLES = """
- name: List the policies
  romana.openstack.policy_info:
    api_url: https://controller:9600
    api_token: "{{ romana_token }}"
    api_ca_path: /etc/romana/ca.pem
  register: found

- name: Show those with an outside network as their source
  ansible.builtin.debug:
    msg: "{{ found.policies | selectattr('source.cidr') | map(attribute='name') }}"
"""

RETURN = """
policies:
  description: The policies, in the server's order.
  returned: success
  type: list
  elements: dict
  sample:
    - name: office-ssh
      source: {"tenant": null, "segment": null, "cidr": "198.51.100.0/24"}
      target: {"tenant": "demo", "segment": null, "cidr": null}
      protocol: tcp
      ports: ["22"]
      generation: 16
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.api import ARGUMENTS, list_or_one, run_info
from ..module_utils.contract import POLICIES, POLICY


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec={**ARGUMENTS, "name": {"type": "str"}}, supports_check_mode=True)
    run_info(module, "policies", lambda api: list_or_one(api, "policies", (POLICIES, POLICY), module.params["name"]))


if __name__ == "__main__":
    main()
