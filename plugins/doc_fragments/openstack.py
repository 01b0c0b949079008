"""Documentation that modules share: who they are in the cloud."""

from __future__ import annotations


class ModuleDocFragment:
    """For extends_documentation_fragment: romana.openstack.openstack."""

    DOCUMENTATION = """
options:
  auth:
    description: Who asks.
    type: dict
    required: true
    suboptions:
      auth_url:
        description: Where Keystone is, as in C(http://controller:5000/v3).
        type: str
        required: true
      username:
        description: Name of the user.
        type: str
        required: true
      password:
        description: Its password.
        type: str
        required: true
      project_name:
        description: Name of the project it acts in.
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
  - One call looks at everything first, several requests at a time, and then asks only for what differs.
  - In check mode, services that are not there yet count as empty.
"""
