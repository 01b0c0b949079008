"""What a node looks like from outside its probes: routes, firewall, services."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from functools import partial
from pathlib import Path
from typing import Any

from romana.parent import end_with
from romana.systemd import AGENT, SERVER


class FactsError(Exception):
    """A program that tells the facts is missing or failed; the message says which and why."""


async def gather() -> dict[str, Any]:
    """The node's routes (as `ip -j route`), rules per nftables table, and state of our services where systemd runs.

    {"routes": [...], "rules": {"ip romana": 12}, "services": {"romana-agent": "active"}}. Raises FactsError.
    """
    routes, ruleset, services = await asyncio.gather(
        _json("ip", "-j", "route"), _json("nft", "-j", "-t", "list", "ruleset"), _services()
    )
    rules: dict[str, int] = {}
    for item in ruleset["nftables"]:
        if "table" in item:
            rules.setdefault(f"{item['table']['family']} {item['table']['name']}", 0)
        if "rule" in item:
            rules[f"{item['rule']['family']} {item['rule']['table']}"] += 1
    return {"routes": routes, "rules": rules, "services": services}


async def _services() -> dict[str, str]:
    if not Path("/run/systemd/system").is_dir():
        return {}
    output = await _run("systemctl", "show", "--property=Id,LoadState,ActiveState", SERVER, AGENT)
    states = {}
    for block in output.strip().split("\n\n"):
        properties = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if properties.get("LoadState") == "loaded":
            states[properties["Id"].removesuffix(".service")] = properties["ActiveState"]
    return states


async def _json(*command: str) -> Any:
    return json.loads(await _run(*command) or "[]")


async def _run(*command: str) -> str:
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            preexec_fn=partial(end_with, os.getpid(), signal.SIGKILL),
        )
    except FileNotFoundError:
        raise FactsError(f"{command[0]} is not installed on the node") from None
    output, messages = await process.communicate()
    if process.returncode != 0:
        raise FactsError(f"`{' '.join(command)}` failed: {messages.decode(errors='replace').strip()}")
    return output.decode()
