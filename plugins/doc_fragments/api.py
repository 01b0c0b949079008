"""Documentation that modules share: how to reach romana-server."""

from __future__ import annotations


class ModuleDocFragment:
    """For extends_documentation_fragment: romana.openstack.api."""

    DOCUMENTATION = """
options:
  api_url:
    description: Where romana-server is, as in C(https://controller:9600).
    type: str
    required: true
  api_token:
    description: A token that may do this. V(admin) tokens may do everything, V(reader) tokens only read.
    type: str
    required: true
  api_ca_path:
    description:
      - File with the certificate of the authority that signed the server's, on the machine the module runs on.
      - When left out, the machine's own authorities count.
    type: path
  api_timeout:
    description: How many seconds to wait for each answer.
    type: int
    default: 10
notes:
  - In check mode, too, the module asks romana-server what there is, so the server must answer. It changes nothing.
  - The options O(api_url), O(api_token) and O(api_ca_path) can be set once for a play, with
    C(module_defaults) for the group C(group/romana.openstack.api).
"""
