# Copyright: the Romana authors
# SPDX-License-Identifier: Apache-2.0
"""Inventory of a stack that romana-setup keeps."""

from __future__ import annotations

DOCUMENTATION = r"""
name: stack
short_description: Lists the nodes of a stack of romana-setup
version_added: 1.0.0
description:
  - Reads C(stack.json) in the stack's state directory, so it knows the nodes before the machines exist, and
    needs no network. C(ssh_config) in that directory says how ssh reaches each node.
  - Every node is in the group V(romana), and in V(controller) or V(compute) or both. Nodes that leave the stack
    are only in the group V(leaving).
  - Every node is in V(engine_none), V(engine_packages) or V(engine_devstack), according to the stack's engine.
options:
  plugin:
    description: Must be V(romana.openstack.stack).
    required: true
    choices: [romana.openstack.stack]
  directory:
    description: State directory of the stack.
    type: path
    default: ~/.local/state/romana-setup/romana
    env:
      - name: ROMANA_STACK_DIR
author:
  - The Romana authors
"""

EXAMPLES = r"""
plugin: romana.openstack.stack
directory: ~/.local/state/romana-setup/romana
"""

import json
import shlex
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin

ENDINGS = ("stack.yml", "stack.yaml")
ENGINES = ("engine_none", "engine_packages", "engine_devstack")
GROUPS = ("controller", "compute", "romana", "leaving", *ENGINES)


class InventoryModule(BaseInventoryPlugin):  # type: ignore[misc] # Ansible has no types
    """Nodes from stack.json."""

    NAME = "romana.openstack.stack"

    def verify_file(self, path: str) -> bool:
        """Accept stack.yml and *.stack.yml."""
        return bool(super().verify_file(path)) and path.endswith(ENDINGS)

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Add each node to its groups, reached through the stack's own ssh configuration."""
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        directory = Path(self.get_option("directory"))
        try:
            stack = json.loads((directory / "stack.json").read_text())
        except OSError as error:
            raise AnsibleParserError(f"no stack in {directory}: {error}; make one with ./romana-setup") from error
        for group in GROUPS:
            inventory.add_group(group)
        for node in stack["nodes"]:
            name = self._add(node, stack, directory, "romana")
            for group in ("controller", "compute"):
                if node[group]:
                    inventory.add_host(name, group=group)
            inventory.add_host(name, group=f"engine_{stack['engine']}")
        for node in stack["leaving"]:
            self._add(node, stack, directory, "leaving")

    def _add(self, node: dict[str, Any], stack: dict[str, Any], directory: Path, group: str) -> str:
        """Add a node to a group; returns its name."""
        name: str = node["name"]
        self.inventory.add_host(name, group=group)
        for key, value in variables(node, stack["target"].get("reach", {}).get(name), directory).items():
            self.inventory.set_variable(name, key, value)
        return name


def variables(node: dict[str, Any], reach: dict[str, str] | None, directory: Path) -> dict[str, Any]:
    """A node's variables. reach: how its owner says it is reached; None where the installer has made it."""
    # Mitogen has its connections noticed to be dead after five minutes only; nobody else is to share such a one.
    own = f"-F {shlex.quote(str(directory / 'ssh_config'))} -o ControlMaster=no"
    found = {
        "ansible_host": node["address"],
        "ansible_user": "root",
        "ansible_ssh_common_args": own,
        "ansible_python_interpreter": "/usr/bin/python3",
        "node_address": node["address"],
        "node_index": node["index"],
    }
    if reach is not None:
        # By that ssh_config has the rest.
        found |= {
            "ansible_host": reach.get("destination") or node["name"],
            "ansible_user": reach["user"],
            "ansible_become": reach["user"] != "root",
        }
        if reach["host"]:
            # Each task makes a directory of its own there, by a name that nobody can foretell. Where all can write, a
            # directory of a known name could be somebody else's, who could then exchange what is in it.
            found["ansible_remote_tmp"] = "/tmp"  # noqa: S108 - said above
        else:
            found["ansible_connection"] = "local"
    return found
