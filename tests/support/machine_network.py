"""The network of a machine, as it must be left."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

COMMANDS = {
    "links": ["ip", "-d", "link"],
    "addresses": ["ip", "addr"],
    "routes": ["ip", "route", "show", "table", "all"],
    "rules": ["ip", "rule"],
    "nft": ["nft", "--stateless", "list", "ruleset"],
    "namespaces": ["ip", "netns"],
    "sysctls": ["sysctl", "--all", "--pattern", "^net\\."],
}


def machine_network(inside: Sequence[str] = ()) -> dict[str, str]:
    """All of it that a stack must leave as it was. inside: what begins a command that runs on that machine."""
    return {
        name: subprocess.run([*inside, *command], capture_output=True, text=True, check=True).stdout
        for name, command in COMMANDS.items()
    }
