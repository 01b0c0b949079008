"""Documentation that modules share: how they behave in check and diff mode, and who has written them."""

from __future__ import annotations


class ModuleDocFragment:
    """For extends_documentation_fragment: romana.openstack.attributes; attributes.info for the info modules."""

    DOCUMENTATION = """
options: {}
attributes:
  check_mode:
    support: full
    description: Reports what it would change, and changes nothing.
  diff_mode:
    support: full
    description: Shows what it changes, or would change in check mode.
author:
  - The Romana authors
"""

    INFO = """
options: {}
attributes:
  check_mode:
    support: full
    description: Only reads, so check mode is no different.
  diff_mode:
    support: N/A
    description: Only reads, so there is no difference to show.
author:
  - The Romana authors
"""
