"""Whether this machine can carry the stack's containers: everything that is wrong with it, each with its fix."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network
from pathlib import Path

from romana_install.base.findings import Finding
from romana_install.base.invocation import command
from romana_install.base.machine import has_interface
from romana_install.config.settings import Config
from romana_install.state.stack import Node, Stack
from romana_install.targets import passage
from romana_install.targets.local.uplink import interface_name, uplink_wanted
from romana_install.targets.preflight import (
    GIB,
    MEMORY_CONTROLLER,
    SPACE_AGAIN,
    available_memory,
    cache,
    memory,
    programs,
    space,
)
from romana_install.targets.target import Intent

SPACE_FIRST = 2 * GIB  # the node image, our packages, and what the nodes write
SPACE_FIRST_OPENSTACK = 4 * GIB
SPACE_DEVSTACK = {True: 8 * GIB, False: 6 * GIB}  # of a controller, of another node


def findings(intent: Intent) -> list[Finding]:
    """All of them."""
    config, stack = intent.config, intent.stack
    is_new = intent.existing is None
    found = [*_root(), *other_stacks(stack, intent.others), *_image(config)]
    found += space(config, stack.directory, _space(stack, intent.change.add, is_new))
    found += _kernel()
    way_out = uplink_wanted(config.local_uplink, stack.engine)
    found += passage.findings(IPv4Network(config.local_network), interface_name(stack.name), way_out)
    found += _tools()
    if stack.has_openstack:
        found += memory(intent.change.add, MEMORY_CONTROLLER[stack.engine], available_memory())
    if is_new:
        found += _interface(stack.name)
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


def other_stacks(stack: Stack, others: Sequence[Stack]) -> Iterator[Finding]:
    """Findings about stacks that have what this one would have. Pure."""
    network = IPv4Network(stack.network)
    for other in others:
        if other.name == stack.name or not other.network:
            continue
        if IPv4Network(other.network).overlaps(network):
            yield Finding(
                "local_network",
                f"{network} is used by stack {other.name}; give another network, or uninstall with: "
                f"{command('uninstall', stack=other.name)}",
            )
        if interface_name(other.name) == interface_name(stack.name):
            yield Finding("stack_name", f"begins like that of stack {other.name}; differ within the first 12 letters")


def _interface(stack_name: str) -> Iterator[Finding]:
    name = interface_name(stack_name)
    if has_interface(name):
        yield Finding(
            f"interface {name}",
            f"is there without its stack; choose another stack_name, or if nobody needs it: ip link del {name}",
        )


def _image(config: Config) -> Iterator[Finding]:
    if {'"', ":"}.intersection(str(cache(config))):
        yield Finding(
            "cache",
            f"{cache(config)} has a double quote or a colon in its name, with which apt makes no image; give another"
            " directory with -e local_cache_dir=DIRECTORY",
        )


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
