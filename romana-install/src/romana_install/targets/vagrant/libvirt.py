"""The provider libvirt: whether this machine has it and lets us use it."""

from __future__ import annotations

import getpass
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from romana_install.base.findings import Finding
from romana_install.config.settings import Config
from romana_install.targets.vagrant.program import Program

PLUGIN = "vagrant-libvirt"
SOCKET = Path("/run/libvirt/libvirt-sock")
IMAGES = Path("/var/lib/libvirt/images")
URI = "qemu:///system"
NAME = "libvirt"
REMOVE = f"virsh --connect {URI} undefine MACHINE --remove-all-storage --snapshots-metadata"


def findings(_config: Config, program: Program | None) -> Iterator[Finding]:
    """What is wrong with it."""
    if program is not None and PLUGIN not in program.plugins:
        yield Finding(
            "vagrant_provider",
            f"Vagrant has no plugin {PLUGIN}; install it with: apt-get install {PLUGIN}, or: vagrant plugin install"
            f" {PLUGIN}",
        )
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(SOCKET))
    except PermissionError:
        yield Finding("libvirt", f"you may not use it; join its group, and log in again: adduser {_user()} libvirt")
    except OSError:
        yield Finding(
            "libvirt",
            "does not run here; install it with: apt-get install libvirt-daemon-system qemu-system-x86, or start it:"
            " systemctl start libvirtd",
        )


def images() -> Path:
    """Where disks of machines are."""
    return IMAGES


def machines() -> dict[str, str]:
    """The id of each machine that there is, by its name; none without virsh: Vagrant has other ways to ask."""
    command = ["virsh", "--connect", URI, "list", "--all", "--uuid", "--name"]
    try:
        listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        return {}
    return {words[1]: words[0] for words in map(str.split, listed) if len(words) == 2}


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "USER"
