#!/usr/bin/python
"""Ansible module: the virtual machines of a Vagrantfile."""

from __future__ import annotations

DOCUMENTATION = """
---
module: vagrant_machines
short_description: Manages virtual machines of Vagrant
version_added: 1.0.0
description:
  - Runs machines of a Vagrantfile, or removes them with their disks. Other machines of it are not changed.
  - A machine whose creation was interrupted is created anew, because nothing is installed on it yet.
  - An existing machine keeps its settings; C(vagrant reload) applies changes of the Vagrantfile.
options:
  names:
    description: Names of the machines. Required when O(state=present), else all of the Vagrantfile by default.
    type: list
    elements: str
  state:
    description: V(absent) removes the machines.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - romana.openstack.vagrant
  - romana.openstack.attributes
"""

EXAMPLES = """
- name: Run two machines
  romana.openstack.vagrant_machines:
    directory: ~/lab
    provider: libvirt
    names: [controller, compute01]
    log: ~/lab/vagrant.log
"""

RETURN = """
addresses:
  description: Where ssh reaches each requested machine that runs.
  returned: when O(state=present)
  type: dict
  sample: {controller: {host: 127.0.0.1, port: 2222}}
missing:
  description: Machines that did not exist, or only in part.
  returned: when O(state=present)
  type: list
  elements: str
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ..module_utils.difference import Difference
from ..module_utils.vagrant import IMPORT_ERROR, Vagrant, VagrantError

ABSENT, RUNNING = "not_created", "running"
HALF = "half made"


def difference(names: list[str], states: dict[str, str], state: str) -> Difference[tuple[str, list[str]]]:
    """What has to be done: pairs of what and which machines. Pure.

    names: those asked for; states: that of each machine there is a description of.
    """
    there = {name: states[name] for name in names if states.get(name, ABSENT) != ABSENT}
    if state == "absent":
        return Difference(there, {}, (("destroy", sorted(there)),) if there else ())
    half = sorted(name for name, word in there.items() if word == HALF)
    down = sorted(name for name in names if there.get(name) != RUNNING)
    steps = [("destroy", half)] if half else []
    steps += [("up", down)] if down else []
    return Difference(there, dict.fromkeys(names, RUNNING), tuple(steps))


def observed(machines: Vagrant) -> dict[str, str]:
    """The state of each machine that there is a description of."""
    states = machines.states().items()
    return {name: word if word == ABSENT or machines.finished(name) else HALF for name, word in states}


def apply(machines: Vagrant, what: str, names: list[str]) -> None:
    """Do one step. Raises VagrantError, which names the machines that are left half made."""
    try:
        getattr(machines, what)(names)
    except VagrantError as error:
        half = sorted(name for name, word in observed(machines).items() if word == HALF)
        if what == "up" and half:
            raise VagrantError(f"{error}; half made: {', '.join(half)}, which the next run makes again") from None
        raise


def ensure(module: AnsibleModule) -> dict[str, Any]:
    """Do what has to be done; returns the module's result. Raises VagrantError."""
    params = module.params
    machines = Vagrant(params["directory"], params["provider"], params["log"])
    states = observed(machines)
    change = difference(params["names"] or sorted(states), states, params["state"])
    if not module.check_mode:
        for what, names in change.steps:
            apply(machines, what, names)
    result = change.result()
    if params["state"] == "present":
        running = change.before if module.check_mode else change.after
        reached = [name for name, word in running.items() if word == RUNNING]
        result["addresses"] = machines.addresses(reached) if reached else {}
        result["missing"] = [name for name in params["names"] if change.before.get(name, HALF) == HALF]
    return result


def main() -> None:
    """The module."""
    module = AnsibleModule(
        argument_spec={
            "directory": {"type": "path", "required": True},
            "provider": {"type": "str", "choices": ["virtualbox", "libvirt"], "required": True},
            "names": {"type": "list", "elements": "str"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "log": {"type": "path", "required": True},
        },
        required_if=[("state", "present", ("names",))],
        supports_check_mode=True,
    )
    if IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("python-vagrant"), exception=IMPORT_ERROR)
    try:
        result = ensure(module)
    except VagrantError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"cannot run Vagrant in {module.params['directory']}: {error}")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
