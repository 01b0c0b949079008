#!/usr/bin/python
"""Ansible module: hosts that leave an OpenStack cloud."""

from __future__ import annotations

DOCUMENTATION = """
---
module: compute_leave
short_description: Removes hosts from an OpenStack cloud
version_added: 1.0.0
description:
  - Removes the compute services of hosts from Nova, and so their resources from Placement. No instance is scheduled
    there any more.
  - Nova refuses a host that still has instances, before anything is changed on it.
options:
  hosts:
    description: Names of the hosts, as Nova knows them.
    type: list
    elements: str
    required: true
extends_documentation_fragment:
  - romana.openstack.openstack
  - romana.openstack.attributes
"""

EXAMPLES = """
- name: Remove leaving hosts from Nova
  romana.openstack.compute_leave:
    auth:
      auth_url: http://controller:5000/v3
      username: admin
      password: "{{ admin_password }}"
      project_name: admin
    hosts: [compute02]
"""

RETURN = """
changes:
  description: What was done, or would be in check mode.
  returned: success
  type: list
  elements: str
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.difference import Difference
from ..module_utils.openstack import AUTH, Step, finish, work

LOOK = "list the compute services"
PATH = "/os-services?binary=nova-compute"


def difference(hosts: list[str], services: list[dict[str, Any]]) -> Difference[Step]:
    """What takes the services of these hosts out of Nova. Pure."""
    leaving = sorted((each for each in services if each["host"] in hosts), key=lambda each: str(each["host"]))
    steps = tuple(
        Step(0, f"take {each['host']} out of Nova", "compute", "DELETE", ("os-services", str(each["id"])))
        for each in leaving
    )
    names = [str(each["host"]) for each in services]
    return Difference(
        before={"hosts": sorted(names)},
        after={"hosts": sorted(set(names) - set(hosts))},
        steps=steps,
    )


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={"auth": AUTH, "hosts": {"type": "list", "elements": "str", "required": True}},
        supports_check_mode=True,
    )
    none: list[dict[str, Any]] = []
    todo = work(
        module,
        lambda cloud: cloud.list(LOOK, "compute", PATH, "services"),
        none,
        lambda services: difference(module.params["hosts"], services),
        {},
    )
    finish(module, todo)


if __name__ == "__main__":
    main()
