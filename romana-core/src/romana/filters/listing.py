"""The packet filters of this machine, as its programs list them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence

from romana.filters.barriers import OWN, filters
from romana.filters.nft import FAMILIES
from romana.filters.rules import Filter

NFT = ("nft", "--json", "list")
OF_IPTABLES = (("iptables-nft-save",), ("iptables-legacy-save",))
TIMEOUT = 30.0  # seconds; they answer within milliseconds


def listed() -> list[Filter]:
    """All tables. A program that is not there, or that only root may use, has none to tell of."""
    tables = [entry["table"] for entry in _entries("tables") if "table" in entry]
    # Without our own, whose sets may be large.
    others = [(one["family"], one["name"]) for one in tables if f"{one['family']} {one['name']}" not in OWN]
    entries = [entry for family, name in others if family in FAMILIES for entry in _entries("table", family, name)]
    return filters(json.dumps({"nftables": entries}), *(_output(command) for command in OF_IPTABLES))


def _entries(*what: str) -> list[dict[str, dict[str, str]]]:
    found: list[dict[str, dict[str, str]]] = json.loads(_output((*NFT, *what)) or "{}").get("nftables", [])
    return found


def _output(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
