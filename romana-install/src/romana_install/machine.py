"""What this machine's own network is: routes and resolvers, as a fact that pure checks can work on."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path


@dataclass(frozen=True)
class Route:
    """A destination other than the default route, and the device it goes out of."""

    network: IPv4Network
    device: str


@dataclass(frozen=True)
class MachineNetwork:
    """Routes of the main table and resolvers, IPv4."""

    routes: tuple[Route, ...] = ()
    resolvers: tuple[IPv4Address, ...] = ()


def observe() -> MachineNetwork:
    """Read them from the kernel and /etc/resolv.conf. A machine without iproute2 or resolv.conf has none that count."""
    try:
        output = subprocess.run(["ip", "-j", "-4", "route"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        output = "[]"  # the installation brings iproute2; without it nobody has configured routes
    resolv_conf = Path("/etc/resolv.conf")
    text = resolv_conf.read_text(errors="replace") if resolv_conf.is_file() else ""
    return MachineNetwork(parse_routes(output), parse_resolvers(text))


def parse_routes(output: str) -> tuple[Route, ...]:
    """The routes in the output of `ip -j -4 route`, without default routes."""
    entries = json.loads(output or "[]")
    return tuple(
        Route(IPv4Network(entry["dst"]), entry.get("dev", entry.get("type", "?")))
        for entry in entries
        if entry["dst"] != "default"
    )


def parse_resolvers(text: str) -> tuple[IPv4Address, ...]:
    """The IPv4 name servers in a resolv.conf."""
    resolvers = []
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["nameserver"] and len(words) > 1:
            try:
                resolvers.append(IPv4Address(words[1]))
            except ValueError:
                continue  # IPv6
    return tuple(resolvers)
