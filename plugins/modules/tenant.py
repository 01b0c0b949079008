#!/usr/bin/python
"""Ansible module: one tenant of the Romana network, with its segments."""

from __future__ import annotations

DOCUMENTATION = """
---
module: tenant
short_description: Manages a tenant of the Romana network, and its segments
version_added: 1.0.0
description:
  - Creates a tenant with its segments, or removes it with its segments.
options:
  name:
    description: Name of the tenant.
    type: str
    required: true
  project_id:
    description:
      - Id of the tenant's OpenStack project. A project has at most one tenant.
      - By default, an existing tenant keeps its project.
    type: str
  segments:
    description:
      - Names of segments the tenant must have. Missing ones are created, and so numbered, in this order.
      - By default, its segments are not changed.
    type: list
    elements: str
  purge_segments:
    description: Whether to remove segments that are not in O(segments). A segment with endpoints cannot be removed.
    type: bool
    default: false
  state:
    description: Whether the tenant exists. A tenant with endpoints, or named by a policy, cannot be removed.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - romana.openstack.api
  - romana.openstack.attributes
seealso:
  - module: romana.openstack.tenant_info
  - module: romana.openstack.segment
"""

EXAMPLES = """
- name: Create the tenants of a new network
  romana.openstack.tenant:
    name: "{{ item }}"
    segments: [default, s1, s2]
    api_url: https://controller:9600
    api_token: "{{ romana_token }}"
    api_ca_path: /etc/romana/ca.pem
  loop: [admin, demo]

- name: Set the project of a tenant
  romana.openstack.tenant:
    name: demo
    project_id: 8f0a5e6c1f7b4a2f9d3c0b1e2a4d6f80
    api_url: https://controller:9600
    api_token: "{{ romana_token }}"
    api_ca_path: /etc/romana/ca.pem

- name: Leave a tenant with exactly one segment
  romana.openstack.tenant:
    name: demo
    segments: [default]
    purge_segments: true
    api_url: https://controller:9600
    api_token: "{{ romana_token }}"
    api_ca_path: /etc/romana/ca.pem
"""

RETURN = """
tenant:
  description:
    - The tenant as romana-server has it, with the names of its segments; empty if it does not exist.
    - In check mode, a tenant that would be created has only the values from the task.
  returned: success
  type: dict
  sample:
    name: demo
    number: 2
    project_id: null
    segments: [default, s1, s2]
    endpoints: 0
    generation: 12
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.api import ARGUMENTS, NAME, STATE, Api, Request, run
from ..module_utils.contract import SEGMENT, SEGMENTS, TENANT, TENANTS, path
from ..module_utils.difference import Difference


def read(api: Api, name: str) -> dict[str, Any] | None:
    """The tenant with the names of its segments in the order of their numbers, or None. Raises ApiError."""
    found = api.find(f"read tenant {name}", TENANT, name)
    if found is None:
        return None
    segments = api.get(f"list the segments of tenant {name}", SEGMENTS, name)
    return {**found, "segments": [segment["name"] for segment in sorted(segments, key=lambda each: each["number"])]}


def difference(params: dict[str, Any], current: dict[str, Any]) -> Difference[Request]:
    """From the tenant as it is, {} for none, to what the task says."""
    name, project = params["name"], params["project_id"]
    before: dict[str, Any] = {key: current[key] for key in ("name", "project_id", "segments") if key in current}
    if params["state"] == "absent":
        remove = Request(f"remove tenant {name}", "DELETE", path(TENANT, name))
        return Difference(before, {}, (remove,) if current else ())
    steps = []
    if not current:
        body = {"name": name} | ({} if project is None else {"project_id": project})
        steps.append(Request(f"make tenant {name}", "POST", TENANTS, body))
    elif project not in (None, current["project_id"]):
        what = f"give tenant {name} the project {project}"
        steps.append(Request(what, "PATCH", path(TENANT, name), {"project_id": project}))
    had = before.get("segments", [])
    wanted = list(dict.fromkeys(params["segments"] or []))
    extra = [segment for segment in had if segment not in wanted] if params["purge_segments"] else []
    missing = [segment for segment in wanted if segment not in had]
    below = path(SEGMENTS, name)
    # First remove, so that a tenant may exchange its segments where all numbers are taken.
    steps += [Request(f"remove segment {each} of tenant {name}", "DELETE", path(SEGMENT, name, each)) for each in extra]
    steps += [Request(f"make segment {each} of tenant {name}", "POST", below, {"name": each}) for each in missing]
    segments = [segment for segment in had if segment not in extra] + missing
    after = {"name": name, "project_id": project or before.get("project_id"), "segments": segments}
    return Difference(before, after, tuple(steps))


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            **ARGUMENTS,
            "name": NAME,
            "project_id": {"type": "str"},
            "segments": {"type": "list", "elements": "str"},
            "purge_segments": {"type": "bool", "default": False},
            "state": STATE,
        },
        supports_check_mode=True,
    )
    if module.params["purge_segments"] and module.params["segments"] is None:
        module.fail_json(msg="purge_segments needs segments: the names of the segments to keep ([] for none)")
    run(
        module,
        "tenant",
        lambda api: read(api, module.params["name"]),
        lambda current: difference(module.params, current),
    )


if __name__ == "__main__":
    main()
