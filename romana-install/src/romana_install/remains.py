"""What of a stack is still there after its removal, as seen where it was: whatever Ansible said of its own work."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from romana_install.machine import has_interface
from romana_install.settings import Config
from romana_install.stack import Stack, uplink

UPLINK_TABLE = "romana-uplink-"  # how the tables of plugins/modules/local_uplink.py begin


def left(stack: Stack, given: Config) -> list[str]:
    """What is left of it, one sentence each, and what could not be asked; empty only when all is seen to be gone.

    Raises PreflightError when AWS cannot be asked.
    """
    if stack.target == "aws":
        from romana_install.aws import removal  # slow to import, and other targets do without it

        return removal.left(stack)
    if stack.target == "static":
        from romana_install.static import remains as of_servers

        return of_servers.left(stack, given.static_forget)
    if stack.target == "vagrant":
        from romana_install.vagrant import remains as of_vagrant

        return of_vagrant.left(stack)
    return list(_on_this_machine(stack))


def mounted_below(directory: Path) -> list[str]:
    """The places below a directory that something is mounted at."""
    # The kernel writes blanks and the like as octal numbers.
    fields = (line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines())
    places = (re.sub(r"\\(\d{3})", lambda match: chr(int(match[1], 8)), field) for field in fields)
    return [place for place in places if place.startswith(f"{directory}/")]


def _on_this_machine(stack: Stack) -> Iterator[str]:
    directories = stack.directory / "nodes"
    names = {node.name for node in stack.present} | {path.name for path in directories.glob("*")}
    namespaces = [f"{stack.name}-{name}" for name in sorted({*names, "switch"})]
    for namespace in namespaces:
        if Path("/run/netns", namespace).exists():
            yield f"the network namespace {namespace} is there"
    running = _containers()
    for namespace in namespaces:
        if namespace in running:
            yield f"the container {namespace} runs"
    if has_interface(uplink(stack.name)):
        yield f"the interface {uplink(stack.name)} is there"
    table = f"{UPLINK_TABLE}{stack.name}"
    if table in _tables():
        yield f"the nft table inet {table} is there"
    yield from (f"{place} is mounted" for place in mounted_below(directories))
    yield from (f"{path} is there" for path in sorted(directories.glob("*")))


def _containers() -> set[str]:
    """The names of all containers that systemd-nspawn runs here."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue  # it has ended
        found |= {word.partition(b"=")[2].decode() for word in words if word.startswith(b"--machine=")}
    return found


def _tables() -> str:
    """The names of nft's tables; none where there is no nft, by which alone they could be made."""
    try:
        return subprocess.run(["nft", "list", "tables", "inet"], capture_output=True, text=True, check=True).stdout
    except FileNotFoundError:
        return ""
