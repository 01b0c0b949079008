"""What every target asks of this machine: room, memory, programs. Each finding has its fix."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from romana_install.base.findings import Finding
from romana_install.config.settings import Config
from romana_install.state.stack import Node, cache_home

GIB = 2**30
SPACE_AGAIN = GIB // 4
# What OpenStack's services take; a compute node also has a few tiny instances.
MEMORY_CONTROLLER = {"packages": 7 * GIB // 2, "devstack": 6 * GIB}
MEMORY_COMPUTE = GIB // 2


def cache(config: Config) -> Path:
    """Where things that can be made again are kept, for this configuration."""
    return Path(config.local_cache_dir) if config.local_cache_dir else cache_home()


def space(config: Config, directory: Path, needed: int) -> Iterator[Finding]:
    """Findings about places that are too full. needed: bytes."""
    seen: set[int] = set()
    for what, path in (("state", directory), ("cache", cache(config))):
        existing = _nearest(path)
        device = existing.stat().st_dev
        if device in seen:
            continue
        seen.add(device)
        room = free(existing)
        if room < needed:
            yield Finding(
                f"disk space in {path} ({what})",
                f"{room / GIB:.1f} GiB are free, {needed / GIB:.2g} GiB are needed; make room, or set "
                + ("XDG_STATE_HOME" if what == "state" else "local_cache_dir"),
            )
        if not os.access(existing, os.W_OK):
            yield Finding(f"{path} ({what})", f"{existing} cannot be written to; choose another place")


def free(path: Path) -> int:
    """Bytes that can still be written to a place, which need not be there yet."""
    figures = os.statvfs(_nearest(path))
    return figures.f_bavail * figures.f_frsize


def _nearest(path: Path) -> Path:
    """The path, or the closest directory above it that exists."""
    while not path.exists():
        path = path.parent
    return path


def memory(adding: Iterable[Node], controller: int, available: int) -> Iterator[Finding]:
    """Findings about nodes with OpenStack that do not fit. controller: what its services take; all in bytes. Pure."""
    needed = sum(controller * node.controller + MEMORY_COMPUTE * node.compute for node in adding)
    if needed > available:
        yield Finding(
            "memory",
            f"{available / GIB:.1f} GiB are available, {needed / GIB:.2g} GiB are needed for the new nodes; end other"
            " programs, add memory or swap, or lower devstack_compute_node",
        )


def available_memory() -> int:
    """Bytes that programs could still have, swap included."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    kib = {name: int(figure.split()[0]) for name, _, figure in (line.partition(":") for line in lines)}
    return (kib["MemAvailable"] + kib["SwapFree"]) * 1024


def programs(names: Sequence[str]) -> Iterator[Finding]:
    """Findings about programs that are not on the path."""
    missing = [name for name in names if shutil.which(name) is None]
    if missing:
        yield Finding("programs", f"{', '.join(missing)} not found; install them")


def occupied(nodes: Iterable[str], endpoints: dict[str, int]) -> list[Finding]:
    """Findings about nodes that cannot be removed yet. endpoints: how many each host has."""
    return [
        Finding(name, f"is to be removed but has {endpoints[name]} endpoints; see: romana endpoint list --host {name}")
        for name in nodes
        if endpoints.get(name)
    ]
