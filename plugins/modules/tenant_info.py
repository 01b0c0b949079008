#!/usr/bin/python
"""Ansible module: the tenants of the Romana network, with their segments."""

from __future__ import annotations

DOCUMENTATION = """
---
module: tenant_info
short_description: Lists the tenants of the Romana network, and their segments
version_added: 1.0.0
description:
  - Lists the tenants that romana-server knows, with the numbers of the tenants and their segments in the address plan.
options:
  name:
    description: Only the tenant of this name. If there is none, the list is empty.
    type: str
extends_documentation_fragment:
  - romana.openstack.api
  - romana.openstack.attributes.info
seealso:
  - module: romana.openstack.tenant
"""

EXAMPLES = """
- name: Read a tenant
  romana.openstack.tenant_info:
    name: demo
    api_url: https://controller:9600
    api_token: "{{ romana_token }}"
    api_ca_path: /etc/romana/ca.pem
  register: found

- name: Show its segments
  ansible.builtin.debug:
    msg: "{{ found.tenants | map(attribute='segments') | flatten | map(attribute='name') }}"
"""

RETURN = """
tenants:
  description: The tenants, in the server's order, each with the list of its segments.
  returned: success
  type: list
  elements: dict
  sample:
    - name: demo
      number: 2
      project_id: null
      segments:
        - name: default
          tenant: demo
          number: 1
          endpoints: 0
          generation: 9
      endpoints: 0
      generation: 9
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.api import ARGUMENTS, Api, list_or_one, run_info
from ..module_utils.contract import SEGMENTS, TENANT, TENANTS


def read(api: Api, name: str | None) -> list[dict[str, Any]]:
    """The tenants, or only the named one, each with its segments. Raises ApiError."""
    return [
        {
            **tenant,
            "segments": api.get(f"list the segments of tenant {tenant['name']}", SEGMENTS, tenant["name"]),
        }
        for tenant in list_or_one(api, "tenants", (TENANTS, TENANT), name)
    ]


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec={**ARGUMENTS, "name": {"type": "str"}}, supports_check_mode=True)
    run_info(module, "tenants", lambda api: read(api, module.params["name"]))


if __name__ == "__main__":
    main()
