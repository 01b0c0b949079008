#!/usr/bin/python
"""Ansible module: an uplink for the nodes of a local stack."""

from __future__ import annotations

DOCUMENTATION = """
---
module: local_uplink
short_description: Manages the uplink of a local stack's nodes
version_added: 1.0.0
description:
  - Lets the nodes of a local stack reach name servers, and TCP ports 80 and 443 elsewhere, through this machine, which
    masquerades their addresses. All other traffic, and every connection to the nodes from outside, is blocked.
  - Enables forwarding on the interfaces concerned. O(state=absent) disables it again where it was disabled before.
    Until then these interfaces accept no new connections, not to other networks of this machine either.
  - Another firewall on this machine, like Docker's, can still block this traffic.
  - Runs on the machine that hosts the containers, as root. It needs C(ip) and C(nft).
options:
  name:
    description: Name of the stack; the table of rules is named after it.
    type: str
    required: true
  state:
    description: V(absent) removes the uplink.
    type: str
    choices: [present, absent]
    default: present
  interface:
    description: This machine's interface in the nodes' network. Required when O(state=present).
    type: str
  network:
    description: The nodes' network. Required when O(state=present).
    type: str
  resolvers:
    description: Name servers that the nodes can reach. Required when O(state=present).
    type: list
    elements: str
extends_documentation_fragment:
  - romana.openstack.attributes
"""

EXAMPLES = """
- name: Let the nodes install packages
  romana.openstack.local_uplink:
    name: romana
    interface: ro-romana
    network: 192.168.99.0/24
    resolvers: [192.0.2.53]
"""

RETURN = """
forwarding:
  description: Interfaces on which forwarding was disabled before the stack had an uplink.
  returned: success
  type: list
  elements: str
"""

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.lock import alone

PREFIX = "romana-uplink-"
LOCK = Path("/run/lock/romana-uplink")  # forwarding is one setting for all stacks
COMMENT = re.compile(r'comment "rules (?P<digest>\w+)(?: off (?P<off>[^"]+))?"')
# Hosts with forwarding disabled must stay that way: only replies are accepted from such an interface.
CLOSED = """\
        iifname "{interface}" ct state != {{ established, related }} drop
"""
# The table records which interfaces had forwarding disabled: a restart of the machine removes both.
RULES = """\
    chain forward {{
        type filter hook forward priority filter
{closed}\
        iifname "{interface}" oifname "{interface}" accept
        iifname "{interface}" ct state established,related accept
        iifname "{interface}" ip daddr {{ {resolvers} }} meta l4proto {{ tcp, udp }} th dport 53 accept
        iifname "{interface}" tcp dport {{ 80, 443 }} accept
        iifname "{interface}" drop
        oifname "{interface}" ct state established,related accept
        oifname "{interface}" drop
    }}
    chain postrouting {{
        type nat hook postrouting priority srcnat
        ip saddr {network} oifname != "{interface}" masquerade
    }}
"""


Entry = tuple[str, list[str]]  # what `parse` says of a table


def table(name: str, rules: str, off: list[str]) -> str:
    """The table as nft reads it, in the place of one that may be there. off: interfaces with forwarding off before."""
    family = f"inet {PREFIX}{name}"
    kept = f" off {' '.join(off)}" if off else ""
    comment = f'comment "rules {digest(rules)}{kept}"'
    return f"table {family}\ndelete table {family}\ntable {family} {{\n    {comment}\n{rules}}}\n"


def digest(rules: str) -> str:
    """Tells one set of rules from another."""
    return hashlib.sha256(rules.encode()).hexdigest()[:16]


def parse(text: str) -> Entry | None:
    """(digest, interfaces with forwarding off before) of a table as nft lists it; None for one that is not ours."""
    found = COMMENT.search(text)
    return (found["digest"], (found["off"] or "").split()) if found else None


def run(command: list[str], **more: Any) -> str:
    """What a program prints; raises CalledProcessError."""
    return str(subprocess.run(command, check=True, capture_output=True, text=True, **more).stdout)


def tables() -> dict[str, Entry | None]:
    """What `parse` says of each stack's table, by the stack's name."""
    if shutil.which("nft") is None:
        return {}
    listed = json.loads(run(["nft", "-j", "list", "tables", "inet"]))["nftables"]
    ours = [one["table"]["name"] for one in listed if one.get("table", {}).get("name", "").startswith(PREFIX)]
    return {name[len(PREFIX) :]: parse(run(["nft", "list", "table", "inet", name])) for name in ours}


def ways_out() -> list[str]:
    """The interfaces of the default routes."""
    return sorted({route["dev"] for route in json.loads(run(["ip", "-j", "-4", "route", "show", "default"]))})


def switch(interface: str) -> Path:
    """The file that says whether packets that come in by an interface are forwarded."""
    return Path("/proc/sys/net/ipv4/conf", interface, "forwarding")


def is_off(interface: str) -> bool:
    """Whether they are not. False for an interface that is gone."""
    return switch(interface).exists() and switch(interface).read_text().strip() == "0"


def present(module: AnsibleModule, found: dict[str, Entry | None]) -> tuple[bool, list[str]]:
    """Whether something had to be done, and which interfaces had forwarding off before."""
    params = module.params
    now_off = [one for one in [params["interface"], *ways_out()] if is_off(one)]
    # Another stack's uplink may have enabled it: the last one that is removed disables it.
    before = {one for entry in found.values() if entry for one in entry[1]} - {params["interface"]}
    off = sorted(before.union(one for one in now_off if one != params["interface"]))
    rules = RULES.format(
        interface=params["interface"],
        network=params["network"],
        resolvers=", ".join(params["resolvers"]),
        closed="".join(CLOSED.format(interface=one) for one in off),
    )
    changed = bool(now_off) or found.get(params["name"]) != (digest(rules), off)
    if changed and not module.check_mode:
        run(["nft", "-f", "-"], input=table(params["name"], rules, off))
        for one in now_off:
            switch(one).write_text("1")
    return changed, off


def absent(module: AnsibleModule, found: dict[str, Entry | None]) -> tuple[bool, list[str]]:
    """The same, for taking it away."""
    name = module.params["name"]
    if name not in found:
        return False, []
    others = {one for other, entry in found.items() if other != name and entry for one in entry[1]}
    off = [one for one in (found[name] or ("", []))[1] if one not in others]
    if not module.check_mode:
        for one in off:
            if switch(one).exists():
                switch(one).write_text("0")
        run(["nft", "delete", "table", "inet", PREFIX + name])
    return True, off


def main() -> None:
    """The module."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "interface": {"type": "str"},
            "network": {"type": "str"},
            "resolvers": {"type": "list", "elements": "str"},
        },
        required_if=[("state", "present", ("interface", "network", "resolvers"))],
        supports_check_mode=True,
    )
    name = module.params["name"]
    try:
        with alone(LOCK):
            found = tables()
            before = sorted(found)
            changed, off = (present if module.params["state"] == "present" else absent)(module, found)
    except subprocess.CalledProcessError as error:
        module.fail_json(msg=f"cannot change the uplink: {' '.join(error.cmd)}: {error.stderr.strip()}")
    except OSError as error:
        module.fail_json(msg=f"cannot change the uplink: {error}")
    after = {*before} - {name} | ({name} if module.params["state"] == "present" else set())
    diff = {"before": {"uplinks": before}, "after": {"uplinks": sorted(after)}}
    module.exit_json(changed=changed, forwarding=off, diff=diff)


if __name__ == "__main__":
    main()
