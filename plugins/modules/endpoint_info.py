#!/usr/bin/python
"""Ansible module: the endpoints of the Romana network."""

from __future__ import annotations

DOCUMENTATION = """
---
module: endpoint_info
short_description: Lists the endpoints of the Romana network
version_added: 1.0.0
description:
  - Lists endpoints, the interfaces of instances, with their addresses and whether their host's agent has applied them.
  - If several filters are given, all must match.
options:
  host:
    description: Only the endpoints on this host.
    type: str
  tenant:
    description: Only the endpoints of this tenant.
    type: str
  segment:
    description: Only the endpoints of this segment.
    type: str
  address:
    description: Only the endpoint with this IPv4 address.
    type: str
  interface:
    description: Only the endpoints with an interface of this name.
    type: str
extends_documentation_fragment:
  - romana.openstack.api
  - romana.openstack.attributes.info
"""

EXAMPLES = """
- name: Find what still runs on a host
  romana.openstack.endpoint_info:
    host: compute01
    api_url: https://controller:9600
    api_token: "{{ romana_token }}"
    api_ca_path: /etc/romana/ca.pem
  register: found

- name: Stop when a host that is to be removed has endpoints
  ansible.builtin.assert:
    that: found.endpoints | length == 0
    fail_msg: "compute01 still has {{ found.endpoints | map(attribute='address') | join(', ') }}"
"""

RETURN = """
endpoints:
  description: The endpoints, in the server's order.
  returned: success
  type: list
  elements: dict
  sample:
    - id: 7f1c7ad0-4f2b-4f0c-9d3f-6f3bb6a2f9f1
      name: web1
      host: compute01
      tenant: demo
      segment: s1
      address: 10.1.34.3
      mac: fa:16:3e:00:00:01
      interface: tap7f1c7ad0-4f
      status: active
      detail: null
      generation: 17
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.api import ARGUMENTS, run_info
from ..module_utils.contract import ENDPOINTS

FILTERS = ("host", "tenant", "segment", "address", "interface")


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={**ARGUMENTS, **{name: {"type": "str"} for name in FILTERS}}, supports_check_mode=True
    )
    query = {name: module.params[name] for name in FILTERS}
    run_info(module, "endpoints", lambda api: api.get("list the endpoints", ENDPOINTS, **query))


if __name__ == "__main__":
    main()
