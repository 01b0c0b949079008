"""Documentation that modules share: their credentials for OpenStack."""

from __future__ import annotations


class ModuleDocFragment:
    """For extends_documentation_fragment: romana.openstack.openstack."""

    DOCUMENTATION = """
options:
  auth:
    description: Credentials for OpenStack.
    type: dict
    required: true
    suboptions:
      auth_url:
        description: URL of Keystone, like C(http://controller:5000/v3).
        type: str
        required: true
      username:
        description: Name of the user.
        type: str
        required: true
      password:
        description: Password of the user.
        type: str
        required: true
      project_name:
        description: Name of the user's project.
        type: str
        required: true
      user_domain_name:
        description: Name of the user's domain.
        type: str
        default: Default
      project_domain_name:
        description: Name of the project's domain.
        type: str
        default: Default
requirements:
  - python3-keystoneauth1 on the node
notes:
  - The module first reads everything, with several requests at a time, and then changes only what differs.
  - In check mode, services that do not exist yet count as empty.
"""
