"""What of a stack's machines is still there after their removal, asked of their provider."""

from __future__ import annotations

from romana_install.state.stack import Stack
from romana_install.targets.vagrant import libvirt, virtualbox
from romana_install.targets.vagrant.machines import machine_name


def left(stack: Stack, provider: str) -> list[str]:
    """One sentence for each machine that is there."""
    # Vagrant's note of a machine goes when it has seen its provider remove it.
    noted = {path.parts[-3] for path in stack.directory.glob(f".vagrant/machines/*/{provider}/id")}
    there = (virtualbox if provider == "virtualbox" else libvirt).machines()
    named = {node.name for node in stack.present if machine_name(stack, node.name) in there}
    return [f"the machine {name} is there" for name in sorted(noted | named)]
