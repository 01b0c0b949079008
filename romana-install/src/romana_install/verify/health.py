"""What keeps a node from its work although its services are active: one that works for nobody, a disk, the clock."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path

from romana_install.state.stack import Node, Stack

CLOCK = 60.0  # seconds; what Keystone takes for a token of the future is more
ROOM = 100 << 10  # KiB; below 50 MB RabbitMQ itself takes no message
SCRIPT = Path(__file__).with_name("health.sh")


def script(stack: Stack, node: Node) -> str:
    """What to ask a node; `problems` understands what it prints."""
    # On its input, where nobody else sees the password.
    return f"sudo={shlex.quote(stack.sudo(node))}\npassword={shlex.quote(stack.become_password)}\n{SCRIPT.read_text()}"


def problems(lines: Iterable[str], begun: float, ended: float) -> tuple[str, ...]:
    """What is wrong, each with its cure on one line. Pure.

    Args:
        lines: what the script printed.
        begun: seconds since the epoch, here, before it was started.
        ended: the same, when it had answered.
    """
    said: dict[str, list[str]] = {}
    for line in lines:
        name, _, value = line.partition(" ")
        said.setdefault(name, []).append(value.strip())
    found = [_part(*one.partition(" ")[::2]) for one in said.get("part", [])]
    found += [_disk(*one.split(maxsplit=2)) for one in dict.fromkeys(said.get("disk", [])) if one]
    found += [f"{place} is read-only; see why: dmesg" for place in dict.fromkeys(said.get("read-only", [])) if place]
    found += [clock(_ahead(float(one), begun, ended), CLOCK) for one in said.get("clock", [])]
    return tuple(one for one in dict.fromkeys(found) if one)


def clock(ahead: float, tolerance: float) -> str:
    """What is wrong with a clock that is so many seconds ahead of this machine's; empty for nothing. Pure."""
    if abs(ahead) <= tolerance:
        return ""
    side = "ahead of" if ahead > 0 else "behind"
    return f"its clock is {abs(ahead):.0f} s {side} this machine's; set both by NTP, as with systemd-timesyncd"


def _ahead(there: float, begun: float, ended: float) -> float:
    """How far a clock is from the time between two moments."""
    return there - min(max(there, begun), ended)


def _disk(room: str, inodes: str, place: str) -> str:
    if int(room) < ROOM:
        return f"{place} is full, with {int(room) >> 10} MiB left; free some (du -xh --max-depth=3 {place} | sort -h)"
    if inodes == "100%":
        return f"{place} has no inode left; remove files (du -x --inodes --max-depth=3 {place} | sort -n)"
    return ""


def _part(unit: str, said: str) -> str:
    """What a service's answer means."""
    match unit:
        case "rabbitmq-server" if "no local alarms" in said:
            return ""
        case "rabbitmq-server" if "alarm on node" in said:
            return _alarms(said)
        case "mariadb" if said in ("0", "OFF") or "Access denied" in said:  # of DevStack, root needs a password
            return ""
        case "mariadb" if said.isalnum():
            return "mariadb is read-only; let it write again: mariadb -e 'SET GLOBAL read_only = 0'"
        case "memcached" if said.startswith("VERSION"):
            return ""
    telling = f" ({said[:200]})" if said else ""
    return f"{unit} is active, but does not answer{telling}; have it start anew: systemctl restart {unit}"


def _alarms(said: str) -> str:
    """What RabbitMQ's alarms mean, as rabbitmq-diagnostics lists them."""
    cures = {
        "Memory alarm": "give it more memory (what has it: rabbitmq-diagnostics memory_breakdown; its limit:"
        " rabbitmqctl set_vm_memory_high_watermark)",
        "Free disk space alarm": "free space under /var/lib/rabbitmq (its limit: rabbitmqctl set_disk_free_limit)",
    }
    named = {alarm: cure for alarm, cure in cures.items() if alarm in said}
    return (
        f"rabbitmq-server takes no messages: {' and '.join(named).lower() or said};"
        f" {'; '.join(named.values()) or 'see: rabbitmq-diagnostics alarms'}"
    )
