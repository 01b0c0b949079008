"""Documentation that modules share: how to reach romana-server."""

from __future__ import annotations


class ModuleDocFragment:
    """For extends_documentation_fragment: romana.openstack.api."""

    DOCUMENTATION = """
options:
  api_url:
    description: URL of romana-server, like C(https://controller:9600).
    type: str
    required: true
  api_token:
    description: Token for the request. V(admin) tokens may do everything, V(reader) tokens may only read.
    type: str
    required: true
  api_ca_path:
    description:
      - File with the certificate of the authority that signed the server's, on the machine the module runs on.
      - By default, the authorities that the machine trusts.
    type: path
  api_timeout:
    description: Seconds to wait for each answer.
    type: int
    default: 10
notes:
  - In check mode the module still reads from romana-server, so the server must answer. It changes nothing.
  - The options O(api_url), O(api_token) and O(api_ca_path) can be set once for a play, with
    C(module_defaults) for the group C(group/romana.openstack.api).
"""
