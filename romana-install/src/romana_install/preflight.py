"""Whether this machine can carry the stack: everything that is wrong with it, each with its fix."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Network
from pathlib import Path

from romana_install import passage
from romana_install.checks import uplink_wanted
from romana_install.findings import Finding
from romana_install.invocation import command
from romana_install.machine import has_interface
from romana_install.settings import Config
from romana_install.stack import Node, Stack, cache_home, uplink

GIB = 2**30
SPACE_FIRST = 2 * GIB  # the node image, our packages, and what the nodes write
SPACE_FIRST_OPENSTACK = 4 * GIB
SPACE_DEVSTACK = {True: 8 * GIB, False: 6 * GIB}  # of a controller, of another node
SPACE_AGAIN = GIB // 4
# What OpenStack's services take; a compute node also has a few tiny instances.
MEMORY_CONTROLLER = {"packages": 7 * GIB // 2, "devstack": 6 * GIB}
MEMORY_COMPUTE = GIB // 2


def findings(
    config: Config, stack: Stack, adding: Sequence[Node], is_new: bool, others: Sequence[Stack]
) -> list[Finding]:
    """All of them.

    Args:
        config: a checked configuration for the target local.
        stack: the stack as it will be; its state directory need not exist.
        adding: the nodes that are not there yet.
        is_new: whether the stack is not there yet.
        others: the other stacks of this machine.
    """
    found = [*_root(), *other_stacks(config, others), *_image(config)]
    found += space(config, stack.directory, _space(stack, adding, is_new))
    found += _kernel()
    way_out = uplink_wanted(config.local_uplink, stack.engine)
    found += passage.findings(IPv4Network(config.local_network), uplink(config.stack_name), way_out)
    found += _tools()
    if stack.has_openstack:
        found += memory(adding, MEMORY_CONTROLLER[stack.engine], available_memory())
    if is_new:
        found += _interface(config.stack_name)
    return found


def _space(stack: Stack, adding: Sequence[Node], is_new: bool) -> int:
    """Bytes that the stack will write."""
    if stack.engine == "devstack":
        return sum(SPACE_DEVSTACK[node.controller] for node in adding) or SPACE_AGAIN
    first = SPACE_FIRST_OPENSTACK if stack.has_openstack else SPACE_FIRST
    return first if is_new else SPACE_AGAIN


def _root() -> Iterator[Finding]:
    if os.geteuid() != 0:
        yield Finding("user", "the target local makes network namespaces and mounts, which needs root; use sudo")


def other_stacks(config: Config, others: Sequence[Stack]) -> Iterator[Finding]:
    """Findings about stacks that have what this one would have. Pure."""
    network = IPv4Network(config.local_network)
    for other in others:
        if other.name == config.stack_name or not other.network:
            continue
        if IPv4Network(other.network).overlaps(network):
            yield Finding(
                "local_network",
                f"{network} is used by stack {other.name}; give another network, or uninstall with: "
                f"{command('uninstall', '-e', f'stack_name={other.name}')}",
            )
        if uplink(other.name) == uplink(config.stack_name):
            yield Finding("stack_name", f"begins like that of stack {other.name}; differ within the first 12 letters")


def _interface(stack_name: str) -> Iterator[Finding]:
    name = uplink(stack_name)
    if has_interface(name):
        yield Finding(
            f"interface {name}",
            f"is there without its stack; choose another stack_name, or if nobody needs it: ip link del {name}",
        )


def _image(config: Config) -> Iterator[Finding]:
    if {'"', ":"}.intersection(str(_cache(config))):
        yield Finding(
            "cache",
            f"{_cache(config)} has a double quote or a colon in its name, with which apt makes no image; give another"
            " directory with -e local_cache_dir=DIRECTORY",
        )


def _cache(config: Config) -> Path:
    return Path(config.local_cache_dir) if config.local_cache_dir else cache_home()


def space(config: Config, directory: Path, needed: int) -> Iterator[Finding]:
    """Findings about places that are too full. needed: bytes."""
    seen: set[int] = set()
    for what, path in (("state", directory), ("cache", _cache(config))):
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


def _kernel() -> Iterator[Finding]:
    if sys.platform != "linux":
        yield Finding("kernel", "the target local needs Linux")
        return
    if not Path("/proc/self/ns/net").exists():
        yield Finding("kernel", "has no network namespaces (CONFIG_NET_NS); use a kernel that has them")
    if not _has_filesystem("overlay"):
        yield Finding("kernel", "has no overlay file system (CONFIG_OVERLAY_FS); load it with: modprobe overlay")
    if not Path("/dev/net/tun").exists() and not _loadable("tun"):
        yield Finding("kernel", "has no /dev/net/tun (CONFIG_TUN); load it with: modprobe tun")
    if not _has_nftables():
        yield Finding("kernel", "has no nftables (CONFIG_NF_TABLES); load it with: modprobe nf_tables")


def _has_filesystem(name: str) -> bool:
    known = Path("/proc/filesystems").read_text().split()
    return name in known or _loadable(name)


def _loadable(module: str) -> bool:
    if shutil.which("modprobe") is None:
        return False
    return subprocess.run(["modprobe", "--dry-run", "--quiet", module], check=False).returncode == 0


def _has_nftables() -> bool:
    """Ask the kernel for the nftables generation; nfnetlink answers with an error when it has no such subsystem."""
    nft_getgen = (10 << 8) | 16  # NFNL_SUBSYS_NFTABLES, NFT_MSG_GETGEN
    request = struct.pack("=IHHIIBBH", 20, nft_getgen, 1, 1, 0, 0, 0, 0)
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as netlink:  # NETLINK_NETFILTER
            netlink.settimeout(2)
            netlink.send(request)
            answer = netlink.recv(4096)
    except OSError as error:
        return error.errno == errno.EPERM  # not root, which is a finding of its own
    (kind,) = struct.unpack_from("=H", answer, 4)
    code = struct.unpack_from("=i", answer, 16)[0] if kind == 2 else 0
    return code in (0, -errno.EPERM)


def _tools() -> Iterator[Finding]:
    # apt-get installs what is missing.
    if shutil.which("apt-get") is None:
        yield from programs(("ip", "ssh", "systemd-nspawn", "mmdebstrap"))


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
