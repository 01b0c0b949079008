"""The machines of a stack, as Vagrant gets them: box, size and networks of each."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any

from romana_install.config.settings import Config
from romana_install.state.stack import Node, Stack

# The network by which machines reach others: what vagrant-libvirt uses, and nothing else does.
WAY_OUT = IPv4Network("192.168.121.0/24")
HOST_ONLY = "vboxnet"  # how the names of VirtualBox's interfaces on this machine begin
BOXES = {
    ("libvirt", "bookworm"): "debian/bookworm64",
    ("libvirt", "trixie"): "debian/trixie64",
    ("virtualbox", "bookworm"): "debian/bookworm64",
    ("virtualbox", "trixie"): "bento/debian-13",
}


def variables(config: Config, stack: Stack) -> dict[str, Any]:
    """What the playbooks are given."""
    return {
        "stack_machines": [
            {
                "name": node.name,
                "address": node.address,
                "memory": memory(config, node),
                "cpus": config.vagrant_controller_cpus if node.controller else config.vagrant_compute_cpus,
            }
            for node in stack.nodes
        ],
        "stack_netmask": str(IPv4Network(stack.network).netmask),
        "stack_way_out": str(WAY_OUT),
        "vagrant_box": box(config),
    }


def memory(config: Config, node: Node) -> int:
    """What a node's machine gets, in MB. Pure."""
    return config.vagrant_controller_memory if node.controller else config.vagrant_compute_memory


def machine_name(stack: Stack, node: str) -> str:
    """What the provider calls a node's machine. Pure."""
    return f"romana-{stack.name}-{node}"


def ids(stack: Stack, provider: str) -> set[str]:
    """What the provider knows the stack's machines by."""
    return {path.read_text().strip() for path in stack.directory.glob(f".vagrant/machines/*/{provider}/id")}


def box(config: Config) -> str:
    """The name of the box: as configured, else that of the Debian release. Pure."""
    return config.vagrant_box or BOXES[config.vagrant_provider, config.local_debian_release]
