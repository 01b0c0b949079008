#!/usr/bin/python
"""Ansible module: one segment of a tenant."""

from __future__ import annotations

DOCUMENTATION = """
---
module: segment
short_description: Manages a segment of a tenant
version_added: 1.0.0
description:
  - Creates or removes a segment. Endpoints of one segment reach each other; those of different segments do not.
  - In check mode, the tenant need not exist yet.
options:
  tenant:
    description: Name of the tenant, which must exist.
    type: str
    required: true
  name:
    description: Name of the segment.
    type: str
    required: true
  state:
    description: Whether the segment exists. A segment with endpoints, or named by a policy, cannot be removed.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - romana.openstack.api
  - romana.openstack.attributes
seealso:
  - module: romana.openstack.tenant
"""

EXAMPLES = """
- name: Give a tenant a segment for its databases
  romana.openstack.segment:
    tenant: demo
    name: databases
    api_url: https://controller:9600
    api_token: "{{ romana_token }}"
    api_ca_path: /etc/romana/ca.pem

- name: Remove it
  romana.openstack.segment:
    tenant: demo
    name: databases
    state: absent
    api_url: https://controller:9600
    api_token: "{{ romana_token }}"
    api_ca_path: /etc/romana/ca.pem
"""

RETURN = """
segment:
  description:
    - The segment as romana-server has it; empty if it does not exist.
    - In check mode, a segment that would be created has only its name and tenant.
  returned: success
  type: dict
  sample:
    name: databases
    tenant: demo
    number: 4
    network_id: null
    endpoints: 0
    generation: 13
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.api import ARGUMENTS, NAME, STATE, Request, run
from ..module_utils.contract import SEGMENT, SEGMENTS, path
from ..module_utils.difference import Difference, RefusedError


def difference(params: dict[str, Any], current: dict[str, Any]) -> Difference[Request]:
    """From the segment as it is, {} for none, to what the task says. Raises RefusedError for one of OpenStack's."""
    tenant, name = params["tenant"], params["name"]
    what = f"segment {name} of tenant {tenant}"
    if network := current.get("network_id"):
        raise RefusedError(f"{what} is that of the network {network} of OpenStack; choose another name")
    identity = {"name": name, "tenant": tenant}
    before = identity if current else {}
    if params["state"] == "absent":
        remove = Request(f"remove {what}", "DELETE", path(SEGMENT, tenant, name))
        return Difference(before, {}, (remove,) if current else ())
    make = Request(f"make {what}", "POST", path(SEGMENTS, tenant), {"name": name})
    return Difference(before, identity, () if current else (make,))


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={**ARGUMENTS, "tenant": NAME, "name": NAME, "state": STATE}, supports_check_mode=True
    )
    tenant, name = module.params["tenant"], module.params["name"]
    run(
        module,
        "segment",
        lambda api: api.find(f"read segment {name} of tenant {tenant}", SEGMENT, tenant, name),
        lambda current: difference(module.params, current),
    )


if __name__ == "__main__":
    main()
