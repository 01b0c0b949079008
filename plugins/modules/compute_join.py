#!/usr/bin/python
"""Ansible module: hosts on which an OpenStack cloud can run instances."""

from __future__ import annotations

DOCUMENTATION = """
---
module: compute_join
short_description: Waits until an OpenStack cloud can run instances on hosts
version_added: 1.0.0
description:
  - Waits until instances can be scheduled to hosts. After C(nova-compute) has started, Nova still has to map the host
    into its cell, and Placement needs the host's inventory; an instance that is launched earlier fails.
  - Changes nothing. In check mode it checks once and does not wait.
options:
  hosts:
    description: Names of the hosts, as Nova knows them.
    type: list
    elements: str
    required: true
  timeout:
    description: Seconds to wait at most.
    type: int
    default: 120
extends_documentation_fragment:
  - romana.openstack.openstack
  - romana.openstack.attributes
"""

EXAMPLES = """
- name: Wait until instances can be scheduled to new hosts
  romana.openstack.compute_join:
    auth:
      auth_url: http://controller:5000/v3
      username: admin
      password: "{{ admin_password }}"
      project_name: admin
    hosts: [compute01, compute02]
"""

RETURN = """
waiting:
  description: Hosts that cannot be used yet, each with what is missing. Always empty except in check mode.
  returned: success
  type: dict
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.difference import RefusedError
from ..module_utils.openstack import AUTH, AbsentError, Cloud

PAUSE = 0.5  # seconds between two looks: neither Nova nor Placement tells anybody


def lacking(hosts: list[str], hypervisors: list[dict[str, Any]], stocked: set[str] | None) -> dict[str, str]:
    """Hosts that cannot be used yet, each with what is missing. Pure.

    hypervisors: as Nova lists them, which are those in a cell; stocked: names of those whose resources Placement knows;
    None when there is no Placement.
    """
    known = {str(each["service"]["host"]): each for each in hypervisors}
    found = {}
    for host in hosts:
        if host not in known:
            found[host] = (
                "no cell of Nova has it; see the logs of nova-compute there and nova-scheduler on the controller"
            )
        elif known[host]["state"] != "up":
            found[host] = "nova-compute does not report; see its log there"
        elif stocked is not None and known[host]["hypervisor_hostname"] not in stocked:
            found[host] = "Placement does not know its resources; see the log of nova-compute there"
    return found


def stock(cloud: Cloud) -> set[str] | None:
    """Names of the resource providers that have an inventory; None without Placement, as in old releases.

    Raises RefusedError.
    """
    if not cloud.offers("placement"):
        return None
    what = "list what Placement knows"
    return {
        str(each["name"])
        for each in cloud.list(what, "placement", "/resource_providers", "resource_providers")
        if cloud.get(what, "placement", f"/resource_providers/{each['uuid']}/inventories")["inventories"]
    }


def look(cloud: Cloud, hosts: list[str]) -> dict[str, str]:
    """Hosts that cannot be used yet, each with what is missing. Raises RefusedError."""
    hypervisors = cloud.list("list Nova's hypervisors", "compute", "/os-hypervisors/detail", "hypervisors")
    return lacking(hosts, hypervisors, stock(cloud))


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "auth": AUTH,
            "hosts": {"type": "list", "elements": "str", "required": True},
            "timeout": {"type": "int", "default": 120},
        },
        supports_check_mode=True,
    )
    hosts: list[str] = module.params["hosts"]
    until = time.monotonic() + module.params["timeout"]
    try:
        try:
            cloud = Cloud(module.params["auth"])
            waiting = look(cloud, hosts)
        except AbsentError:
            if not module.check_mode:
                raise
            waiting = dict.fromkeys(hosts, "there is no Nova yet")
        while waiting and not module.check_mode:
            if time.monotonic() > until:
                text = "\n".join(f"{host}: {reason}" for host, reason in waiting.items())
                module.fail_json(msg=f"no instance can be put on some hosts after {module.params['timeout']} s\n{text}")
            time.sleep(PAUSE)
            waiting = look(cloud, hosts)
    except RefusedError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, waiting=waiting)


if __name__ == "__main__":
    main()
