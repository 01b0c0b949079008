"""The live romana-server, as the environment describes it, and its hosts.

ROMANA_URL; ROMANA_CA_FILE; ROMANA_TOKENS, a directory with <role>.token files; ROMANA_OTHER_CA_FILE, an authority that
it does not belong to.
"""

from __future__ import absolute_import

import os

HOST = "host-a"  # 10.0.0.0/16
OTHER_HOST = "host-b"


def environment(name):
    """What the environment says of the server."""
    return os.environ["ROMANA_" + name]


def token_file(role):
    """The file with the token of a role."""
    return os.path.join(environment("TOKENS"), role + ".token")
