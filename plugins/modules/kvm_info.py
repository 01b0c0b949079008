#!/usr/bin/python
"""Ansible module: whether guests run by the processor."""

from __future__ import annotations

DOCUMENTATION = """
---
module: kvm_info
short_description: Tests whether KVM can run guests
version_added: 1.0.0
description:
  - Runs a guest of a few instructions with C(/dev/kvm), which takes less than a second if it works.
  - The device alone is no proof. On a virtual machine it may exist without being able to run guests.
options:
  device:
    description: Device of KVM.
    type: path
    default: /dev/kvm
extends_documentation_fragment:
  - romana.openstack.attributes.info
"""

EXAMPLES = """
- name: Ask the processor
  romana.openstack.kvm_info:
  register: found

- name: Say what runs instances
  ansible.builtin.debug:
    msg: "{{ 'kvm' if found.works else 'qemu, as ' ~ found.reason }}"
"""

RETURN = """
works:
  description: Whether a guest ran to its end.
  returned: success
  type: bool
allowed:
  description: Whether the module's user may use the device. If not, guests may still run for other users.
  returned: success
  type: bool
reason:
  description: Reason why no guest ran; empty if one did.
  returned: success
  type: str
"""

import os
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.kvm_guest import why_not


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec={"device": {"type": "path", "default": "/dev/kvm"}}, supports_check_mode=True)
    device = module.params["device"]
    reason = why_not(device)
    allowed = not Path(device).exists() or os.access(device, os.R_OK | os.W_OK)
    module.exit_json(changed=False, works=not reason, allowed=allowed, reason=reason)


if __name__ == "__main__":
    main()
