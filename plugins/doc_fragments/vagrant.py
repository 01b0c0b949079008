"""Documentation that modules share: whose machines they are about."""

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
    description: What runs the machines.
    type: str
    choices: [virtualbox, libvirt]
    required: true
  log:
    description: File that all Vagrant prints is added to.
    type: path
    required: true
requirements:
  - python-vagrant
  - Vagrant and the provider
"""
