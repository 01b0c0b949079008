"""What of a stack is still on this machine after its removal."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

from romana_install.base.machine import has_interface, mounted_below
from romana_install.state.stack import Stack
from romana_install.targets.local.uplink import interface_name

UPLINK_TABLE = "romana-uplink-"  # how the tables of plugins/modules/local_uplink.py begin


def left(stack: Stack) -> Iterator[str]:
    """One sentence for each thing that is there."""
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
    if has_interface(interface_name(stack.name)):
        yield f"the interface {interface_name(stack.name)} is there"
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
