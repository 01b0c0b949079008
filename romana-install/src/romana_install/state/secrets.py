"""The stack's secrets: API tokens and OpenStack's passwords; made once and kept."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

from romana_install.base.files import write_json

TOKEN_BYTES = 32
PASSWORD_BYTES = 24  # in base64 the letters, digits, '-' and '_' that a password may have
ROLES = ("admin", "neutron")
NEXT = "next_tokens"  # the tokens of a rotation that is under way


def ensure(path: Path, hosts: Iterable[str], passwords: Iterable[str], given: Mapping[str, str]) -> dict[str, Any]:
    """Make `path` hold a token for every role and for the agent of each host, and passwords; those it has are kept.

    Tokens of hosts that are not named any more go. A file that cannot be understood is replaced: the services are
    given the new secrets by the same installation.

    Args:
        path: the file, JSON.
        hosts: who has an agent.
        passwords: names of the passwords there are to be.
        given: passwords, by name, that are to be these, whatever the file has.

    Returns:
        {"tokens": {role: token, "agents": {host: token}}, "passwords": {name: password}}
    """
    old = _read(path)
    old_tokens, old_passwords = _mapping(old, "tokens"), _mapping(old, "passwords")
    old_agents = _mapping(old_tokens, "agents")
    tokens: dict[str, Any] = {role: old_tokens.get(role) or token_urlsafe(TOKEN_BYTES) for role in ROLES}
    tokens["agents"] = {host: old_agents.get(host) or token_urlsafe(TOKEN_BYTES) for host in hosts}
    secrets = {
        "tokens": tokens,
        "passwords": {
            name: given.get(name) or old_passwords.get(name) or token_urlsafe(PASSWORD_BYTES) for name in passwords
        },
    }
    write_json(path, secrets)
    return secrets


def prepare_tokens(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The tokens in use and those that are to come after them, for the same; noted under NEXT until they are taken.

    Those that an interrupted rotation has left are to come: some have them already.
    """
    secrets = _read(path)
    old = secrets["tokens"]
    if NEXT not in secrets:
        new: dict[str, Any] = {role: token_urlsafe(TOKEN_BYTES) for role in ROLES}
        new["agents"] = {host: token_urlsafe(TOKEN_BYTES) for host in old["agents"]}
        write_json(path, {**secrets, NEXT: new})
        return old, new
    return old, secrets[NEXT]


def take_tokens(path: Path) -> None:
    """Have those that were to come be the tokens in use."""
    secrets = _read(path)
    secrets["tokens"] = secrets.pop(NEXT)
    write_json(path, secrets)


def values(secrets: dict[str, Any]) -> list[str]:
    """Every secret string in it, for keeping them out of logs."""
    return [*token_values(secrets["tokens"]), *secrets["passwords"].values()]


def token_values(tokens: dict[str, Any]) -> list[str]:
    """Every token."""
    return [*(tokens[role] for role in ROLES), *tokens["agents"].values()]


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return {}


def _mapping(data: Any, key: str) -> dict[str, Any]:
    """What `data` has under `key`; empty where a damaged file has something else."""
    found = data.get(key) if isinstance(data, dict) else None
    return found if isinstance(found, dict) else {}
