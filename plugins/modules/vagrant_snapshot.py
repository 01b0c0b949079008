#!/usr/bin/python
"""Ansible module: a snapshot of the virtual machines of a Vagrantfile."""

from __future__ import annotations

DOCUMENTATION = """
---
module: vagrant_snapshot
short_description: Saves or restores all virtual machines of a Vagrantfile
version_added: 1.0.0
description:
  - Saves the state of the machines, one after the other, or restores it.
  - An existing snapshot is not saved again.
options:
  name:
    description: Name of the snapshot.
    type: str
    required: true
  machines:
    description: Names of the machines. Other machines must not exist.
    type: list
    elements: str
    required: true
  state:
    description: V(present) saves the snapshot, V(restored) restores it.
    type: str
    choices: [present, restored]
    default: present
extends_documentation_fragment:
  - romana.openstack.vagrant
  - romana.openstack.attributes
"""

EXAMPLES = """
- name: Save the lab
  romana.openstack.vagrant_snapshot:
    directory: ~/lab
    provider: libvirt
    name: good
    machines: [controller, compute01]
    log: ~/lab/vagrant.log
"""

RETURN = """
snapshots:
  description: Snapshots that existed before.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ..module_utils.difference import Difference, RefusedError
from ..module_utils.vagrant import IMPORT_ERROR, Vagrant, VagrantError


def difference(name: str, machines: list[str], there: dict[str, list[str]], state: str) -> Difference[str]:
    """What has to be done: saved or restored. Pure. Raises RefusedError.

    there: the snapshots of each machine.
    """
    missing = sorted(machine for machine in machines if name not in there.get(machine, []))
    before = {"snapshots": sorted({one for names in there.values() for one in names})}
    if state == "present":
        after = {"snapshots": sorted({*before["snapshots"], name})}
        return Difference(before, after, ("save",) if missing else ())
    if missing:
        names = ", ".join(before["snapshots"]) or "none"
        raise RefusedError(f"there is no snapshot {name} of {', '.join(missing)}; there are: {names}")
    return Difference(before, {**before, "restored": name}, ("restore",))


def main() -> None:
    """The module."""
    module = AnsibleModule(
        argument_spec={
            "directory": {"type": "path", "required": True},
            "provider": {"type": "str", "choices": ["virtualbox", "libvirt"], "required": True},
            "name": {"type": "str", "required": True},
            "machines": {"type": "list", "elements": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "restored"], "default": "present"},
            "log": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    if IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("python-vagrant"), exception=IMPORT_ERROR)
    params = module.params
    machines = Vagrant(params["directory"], params["provider"], params["log"])
    try:
        change = difference(params["name"], params["machines"], machines.snapshots(), params["state"])
        if not module.check_mode:
            for step in change.steps:
                getattr(machines, step)(params["name"])
    except (VagrantError, RefusedError) as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"cannot run Vagrant in {params['directory']}: {error}")
    module.exit_json(snapshots=change.before["snapshots"], **change.result())


if __name__ == "__main__":
    main()
