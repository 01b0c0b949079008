"""What this machine's own network is: routes and resolvers, as a fact that pure checks can work on."""

from __future__ import annotations

import json
import re
import socket
import subprocess
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

# The second says whom systemd-resolved asks, which in the first only names itself.
RESOLV_CONF = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))


@dataclass(frozen=True)
class Route:
    """A destination other than the default route, and the device it goes out of."""

    network: IPv4Network
    device: str


@dataclass(frozen=True)
class MachineNetwork:
    """Routes of the main table, and resolvers that are not this machine itself; IPv4."""

    routes: tuple[Route, ...] = ()
    resolvers: tuple[IPv4Address, ...] = ()


def observe() -> MachineNetwork:
    """Read them from the kernel and resolv.conf. A machine without iproute2 or resolv.conf has none that count."""
    try:
        output = subprocess.run(["ip", "-j", "-4", "route"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        output = "[]"  # the installation brings iproute2; without it nobody has configured routes
    text = "".join(path.read_text(errors="replace") + "\n" for path in RESOLV_CONF if path.is_file())
    return MachineNetwork(parse_routes(output), parse_resolvers(text))


def has_interface(name: str) -> bool:
    """Whether this network has an interface of that name. Asks the kernel: /sys may show another network's."""
    return any(name == other for _, other in socket.if_nameindex())


def mounted_below(directory: Path) -> list[str]:
    """The places below a directory that something is mounted at."""
    # The kernel writes blanks and the like as octal numbers.
    fields = (line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines())
    places = (re.sub(r"\\(\d{3})", lambda match: chr(int(match[1], 8)), field) for field in fields)
    return [place for place in places if place.startswith(f"{directory}/")]


def leads_into(network: IPv4Network, interface: str = "") -> bool:
    """Whether this machine has a route of its own into a network, by an interface if one is named.

    Without one, as while an interface is down, packets to it would leave by the default route, to whoever is there.
    """
    return any(route.network == network and interface in ("", route.device) for route in observe().routes)


def parse_routes(output: str) -> tuple[Route, ...]:
    """The routes in the output of `ip -j -4 route`, without default routes."""
    entries = json.loads(output or "[]")
    return tuple(
        Route(IPv4Network(entry["dst"]), entry.get("dev", entry.get("type", "?")))
        for entry in entries
        if entry["dst"] != "default"
    )


def parse_resolvers(text: str) -> tuple[IPv4Address, ...]:
    """The IPv4 name servers in a resolv.conf, without those of the machine itself."""
    resolvers: dict[IPv4Address, None] = {}
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["nameserver"] and len(words) > 1:
            try:
                resolvers[IPv4Address(words[1])] = None
            except ValueError:
                continue  # IPv6
    return tuple(resolver for resolver in resolvers if not resolver.is_loopback)
