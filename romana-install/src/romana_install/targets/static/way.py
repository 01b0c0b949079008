"""How ssh goes to a server, and what may keep it from getting there."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from romana_install.state import ssh
from romana_install.state.ssh_errors import Hop, Key, Way
from romana_install.state.stack import Node, Stack

if TYPE_CHECKING:
    from romana_install.targets.static.target import Static


def way(stack: Stack, target: Static, node: Node, look: bool = False) -> Way:
    """How ssh goes to a server. look: whether at its keys, too."""
    reach = target.reach[node.name]
    said = ssh.effective(reach.destination or node.name, stack.directory / ssh.CONFIG_FILE)
    server = Hop(_one(said, "hostname") or reach.host, _one(said, "user") or reach.user, reach.port)
    jump = target.jump or _one(said, "proxyjump")
    files = [Path(path).expanduser() for path in ([reach.key] if reach.key else said.get("identityfile", []))]
    return Way(
        server=server,
        keys=_keys(files, bool(reach.key), look),
        known_hosts=target.known_hosts or "~/.ssh/known_hosts",
        jumps=tuple(Hop.parsed(one) for one in jump.split(",")) if jump else (),
        proxied=bool(jump or _one(said, "proxycommand")),
        own=bool(target.jump),
        named=bool(reach.key),
        agent=bool(os.environ.get("SSH_AUTH_SOCK")),
    )


def _one(said: Mapping[str, Sequence[str]], key: str) -> str:
    return next(iter(said.get(key, [])), "")


def _keys(files: Sequence[Path], named: bool, look: bool) -> tuple[Key, ...]:
    """Those that are there; where the inventory names one, only that. ssh tries its usual ones whether there or not."""
    held = _held() if look else ""
    wanted = files if named else [path for path in files if path.exists()]
    return tuple(Key(str(path), _state(path, held) if look else "") for path in wanted)


def _held() -> str:
    """The fingerprints of the keys that the agent has."""
    return _output("ssh-add", "-l")


def _state(path: Path, held: str) -> str:
    """What keeps ssh from using a key; empty for nothing."""
    if not path.exists():
        return "missing"
    if path.stat().st_mode & 0o077 and path.stat().st_uid == os.geteuid():
        return "open"
    if _output("ssh-keygen", "-y", "-P", "", "-f", str(path)):
        return ""
    if "PRIVATE KEY" not in path.read_text(errors="replace"):
        return "unusable"
    _, fingerprint, *_ = (_output("ssh-keygen", "-l", "-f", str(path)) or "0 none").split()
    return "" if fingerprint in held else "locked"


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False).stdout
    except FileNotFoundError:
        return ""
