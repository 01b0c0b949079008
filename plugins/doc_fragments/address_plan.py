"""Documentation that filters share: the address plan, and what computes with it."""

from __future__ import annotations


class ModuleDocFragment:
    """For extends_documentation_fragment: romana.openstack.address_plan."""

    DOCUMENTATION = """
options:
  plan:
    description:
      - The address plan, a dictionary with the keys C(cidr), C(host_bits), C(tenant_bits), C(segment_bits) and
        C(endpoint_bits). A missing key has the default plan's value.
      - The default plan is C(10.0.0.0/8) with 8, 4, 4 and 8 bits.
    type: dict
    default: {}
requirements:
  - romana-core on Ansible's Python path, as under C(./romana-setup)
author:
  - The Romana authors
"""
