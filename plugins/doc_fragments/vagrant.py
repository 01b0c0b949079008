"""Documentation that modules share: the Vagrantfile and its provider."""

from __future__ import annotations


class ModuleDocFragment:
    """For extends_documentation_fragment: romana.openstack.vagrant."""

    DOCUMENTATION = """
options:
  directory:
    description: Directory of the Vagrantfile. Without a Vagrantfile there are no machines.
    type: path
    required: true
  provider:
    description: Provider of the machines.
    type: str
    choices: [virtualbox, libvirt]
    required: true
  log:
    description: File to which Vagrant's output is appended.
    type: path
    required: true
requirements:
  - python-vagrant
  - Vagrant and the provider
"""
