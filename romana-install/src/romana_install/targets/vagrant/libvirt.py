"""The provider libvirt: whether this machine has it and lets us use it."""

from __future__ import annotations

import getpass
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from romana_install.base.findings import Finding
from romana_install.config.settings import Config
from romana_install.state.stack import Stack
from romana_install.targets.vagrant.machines import ids, machine_name
from romana_install.targets.vagrant.program import Program

PLUGIN = "vagrant-libvirt"
SOCKET = Path("/run/libvirt/libvirt-sock")
IMAGES = Path("/var/lib/libvirt/images")
URI = "qemu:///system"


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


def clashes(stack: Stack, names: Sequence[str]) -> Iterator[Finding]:
    """Findings about machines of somebody else that have the name of one that is to be made."""
    there = machines()
    ours = ids(stack, "libvirt")
    for name in names:
        machine = machine_name(stack, name)
        if machine in there and there[machine] not in ours:
            yield Finding(
                f"machine {machine}",
                "is there in libvirt and is none of this stack's; choose another stack_name, or if nobody needs it:"
                f" virsh --connect {URI} undefine {machine} --remove-all-storage --snapshots-metadata",
            )


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "USER"
