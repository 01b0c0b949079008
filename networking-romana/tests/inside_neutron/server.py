"""The live romana-server, as the environment describes it, and its hosts.

ROMANA_URL; ROMANA_CA_FILE; ROMANA_TOKENS, a directory with <role>.token files; ROMANA_DATABASE, its file of SQLite;
ROMANA_OTHER_CA_FILE, an authority that it does not belong to.
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


def confirm(romana, host, endpoints=()):
    """Have the agent of a host say that all is in place that there is for it, and this of its endpoints."""
    there = romana._send("GET", "/v1/hosts/{}/changes".format(host))
    generations = {"generation": there["state"]["generation"], "members": there["members"]["generation"]}
    report = dict(generations, endpoints=list(endpoints))
    romana._send("PUT", "/v1/hosts/{}/applied".format(host), body=report)


def confirm_all(romana):
    """Have the agents of all hosts say so, also of those that other tests have left."""
    for host in romana._get("/v1/hosts"):
        confirm(romana, host["name"])


def forget_all(romana):
    """Delete all endpoints, groups and tenants, and have the agents of all hosts say that these are gone."""
    for endpoint in romana.endpoints():
        romana.delete_endpoint(endpoint["id"])
    for group in romana.groups():
        romana.delete_group(group["id"])
    for tenant in romana.tenants():
        romana.delete_tenant(tenant["name"])
    confirm_all(romana)
