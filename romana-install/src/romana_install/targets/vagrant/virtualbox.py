"""The provider VirtualBox: whether this machine has it, and lets it do what is asked."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path

from romana_install.base.findings import Finding
from romana_install.config.settings import Config
from romana_install.targets.vagrant.program import Program, Version, parse_version, shown

# The first Vagrant that knows a VirtualBox.
KNOWN_SINCE: dict[Version, Version] = {(6, 1): (2, 2, 7), (7, 0): (2, 3, 2), (7, 1): (2, 4, 2), (7, 2): (2, 4, 9)}
# From this version on, VirtualBox takes no other networks than these for host-only use, unless a file allows more.
RESTRICTED_SINCE: Version = (6, 1, 28)
ALLOWED = IPv4Network("192.168.56.0/21")
NETWORKS_FILE = Path("/etc/vbox/networks.conf")
NAME = "VirtualBox"
REMOVE = "VBoxManage unregistervm MACHINE --delete"


def findings(config: Config, program: Program | None) -> Iterator[Finding]:
    """What is wrong with it."""
    said = _ask("--version")
    if said is None:
        yield Finding(
            "vagrant_provider",
            "VirtualBox is not installed (there is no VBoxManage); install it, or give -e vagrant_provider=libvirt",
        )
        return
    version = parse_version(said)
    if program is not None:
        yield from _pair(version, program.version)
    if re.search("kernel module|Please install", said):
        yield Finding("VirtualBox", "its kernel module is not loaded; have it built and loaded with: /sbin/vboxconfig")
    if re.search(r"supports HW virtualization:\s*no", _ask("list", "hostinfo") or ""):
        yield Finding(
            "processor",
            "its virtualization (VT-x, AMD-V) is off, which VirtualBox needs; turn it on in the firmware, or in the"
            " settings of the hypervisor that this machine runs on",
        )
    if version >= RESTRICTED_SINCE:
        yield from _networks(IPv4Network(config.vagrant_network))


def _pair(version: Version, vagrant: Version) -> Iterator[Finding]:
    since = KNOWN_SINCE.get(version[:2])
    if since is not None and vagrant < since:
        yield Finding(
            "vagrant",
            f"is {shown(vagrant)}, and VirtualBox {shown(version)} is known from {shown(since)} on; install a newer"
            " Vagrant, or an older VirtualBox",
        )


def _networks(network: IPv4Network) -> Iterator[Finding]:
    try:
        allowed = parse_networks(NETWORKS_FILE.read_text())
    except FileNotFoundError:
        allowed = [ALLOWED]
    if not any(network.subnet_of(one) for one in allowed):
        yield Finding(
            str(NETWORKS_FILE),
            f"VirtualBox allows no host-only network {network}; add the line `* {network}`, or give a vagrant_network"
            f" within {', '.join(map(str, allowed)) or 'what the file allows'}",
        )


def parse_networks(text: str) -> list[IPv4Network]:
    """The IPv4 networks that networks.conf allows. Pure."""
    found = []
    for line in text.splitlines():
        mark, *words = line.partition("#")[0].replace(",", " ").split() or [""]
        if mark == "*":
            found += [IPv4Network(word, strict=False) for word in words if re.fullmatch(r"[\d.]+(/\d+)?", word)]
    return found


def images() -> Path:
    """Where disks of machines are."""
    match = re.search(r"^Default machine folder:\s*(.+)$", _ask("list", "systemproperties") or "", re.MULTILINE)
    return Path(match[1]) if match else Path.home()


def machines() -> dict[str, str]:
    """The id of each machine that there is, by its name; none without VirtualBox."""
    return dict(re.findall(r'^"(.*)" \{(.*)\}$', _ask("list", "vms") or "", re.MULTILINE))


def _ask(*words: str) -> str | None:
    """What VBoxManage says, its warnings included; None when there is none."""
    program = shutil.which("VBoxManage") or shutil.which("vboxmanage")
    if program is None:
        return None
    done = subprocess.run([program, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.stdout
