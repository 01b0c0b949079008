"""Whether this machine can run the stack's machines: everything that is wrong, each with its fix. Nothing is made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network
from pathlib import Path
from types import ModuleType

from romana_install.base.findings import Finding
from romana_install.base.invocation import command
from romana_install.state.stack import Stack
from romana_install.targets import passage, preflight
from romana_install.targets.target import Intent
from romana_install.targets.vagrant import libvirt, virtualbox
from romana_install.targets.vagrant.boxes import box_findings
from romana_install.targets.vagrant.machines import ids, machine_name, memory
from romana_install.targets.vagrant.program import Program

MIB = 2**20
SPACE = {"none": 3 * preflight.GIB, "packages": 6 * preflight.GIB, "devstack": 15 * preflight.GIB}  # of a machine


def findings(intent: Intent) -> list[Finding]:
    """All of them."""
    config, stack, change = intent.config, intent.stack, intent.change
    provider = virtualbox if config.vagrant_provider == "virtualbox" else libvirt
    program = Program.found()
    found = [*other_stacks(stack, intent.others)]
    if program is None:
        text = (
            "is not installed; install it: apt-get install vagrant (and vagrant-libvirt for libvirt), or from its site"
        )
        found.append(Finding("vagrant", text))
    found += provider.findings(config, program)
    found += passage.findings(IPv4Network(stack.network))
    if not change.add:
        return found
    if intent.existing is None:
        found += preflight.space(config, stack.directory, preflight.SPACE_AGAIN)
    found += _space(provider.images(), SPACE[stack.engine] * len(change.add))
    needed = sum(memory(config, node) for node in change.add) * MIB
    found += _memory(needed, preflight.available_memory())
    found += clashes(provider, stack, [node.name for node in change.add])
    if program is not None:
        found += box_findings(config, program)
    return found


def clashes(provider: ModuleType, stack: Stack, names: Sequence[str]) -> Iterator[Finding]:
    """Findings about machines of somebody else that have the name of one that is to be made."""
    there = provider.machines()
    ours = ids(stack, provider.NAME.lower())
    for machine in (machine_name(stack, name) for name in names):
        if machine in there and there[machine] not in ours:
            yield Finding(
                f"machine {machine}",
                f"is there in {provider.NAME} and is none of this stack's; choose another stack_name, or if nobody"
                f" needs it: {provider.REMOVE.replace('MACHINE', machine)}",
            )


def other_stacks(stack: Stack, others: Sequence[Stack]) -> Iterator[Finding]:
    """Findings about stacks that have what this one would have. Pure."""
    network = IPv4Network(stack.network)
    for other in others:
        if other.name != stack.name and other.network and IPv4Network(other.network).overlaps(network):
            if not other.target.on_this_machine:
                continue
            yield Finding(
                "vagrant_network",
                f"{network} is used by stack {other.name}; give another network, or uninstall with: "
                f"{command('uninstall', stack=other.name)}",
            )


def _space(path: Path, needed: int) -> Iterator[Finding]:
    free = preflight.free(path)
    if free < needed:
        yield Finding(
            f"disk space in {path}",
            f"{free / preflight.GIB:.1f} GiB are free, {needed / preflight.GIB:.2g} GiB are needed for new machines;"
            " make room",
        )


def _memory(needed: int, available: int) -> Iterator[Finding]:
    if needed > available:
        yield Finding(
            "memory",
            f"{available / preflight.GIB:.1f} GiB are available, {needed / preflight.GIB:.2g} GiB are needed for the"
            " new machines; end other programs, add memory or swap, or lower vagrant_controller_memory,"
            " vagrant_compute_memory or devstack_compute_node",
        )
