"""The stack's API tokens: made once, kept, one for each role and one for each node's agent."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

from romana_install.files import write_json

TOKEN_BYTES = 32
ROLES = ("admin", "neutron")


def ensure(path: Path, hosts: Iterable[str]) -> dict[str, Any]:
    """Make `path` hold a token for every role and for the agent of each host; those it has are kept.

    Tokens of hosts that are not named any more go. Returns {"tokens": {role: token, "agents": {host: token}}}.
    A file that cannot be understood is replaced: the server is given the new tokens by the same installation.
    """
    try:
        old = json.loads(path.read_text())["tokens"]
        old_agents = dict(old.get("agents", {}))
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        old, old_agents = {}, {}
    tokens: dict[str, Any] = {role: old.get(role) or token_urlsafe(TOKEN_BYTES) for role in ROLES}
    tokens["agents"] = {host: old_agents.get(host) or token_urlsafe(TOKEN_BYTES) for host in hosts}
    secrets = {"tokens": tokens}
    write_json(path, secrets)
    return secrets


def values(secrets: dict[str, Any]) -> list[str]:
    """Every secret string in it, for keeping them out of logs."""
    tokens = dict(secrets["tokens"])
    agents = tokens.pop("agents")
    return [*tokens.values(), *agents.values()]
