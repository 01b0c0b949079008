"""What a configuration and an inventory together get wrong, as far as it shows without asking the servers. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING

from romana.addressing import plan_findings
from romana_install.base.findings import Finding, did_you_mean
from romana_install.config.address_plan import PLAN_KEYS
from romana_install.config.read import Draft
from romana_install.state.stack import Stack
from romana_install.targets import checks
from romana_install.targets.static.inventory import Servers

if TYPE_CHECKING:
    from romana_install.targets.static.target import Static


def findings(draft: Draft, target: Static, existing: Stack | None) -> Iterator[Finding]:
    """All of them, those of the inventory included."""
    servers = target.servers
    yield from servers.findings
    if draft.usable("openstack_engine") and checks.engine(draft, target, existing) == "devstack":
        yield Finding(
            draft.where("openstack_engine"),
            "is devstack, which is not for servers that are to be given back as they were; give packages or none",
        )
    if draft.usable(*PLAN_KEYS):
        yield from _plan(draft, servers)
    if draft.usable("romana_host_owners") and servers.nodes:
        yield from _owners(draft, servers)
    if draft.usable("ssh_jump") and draft.config.ssh_jump and servers.nodes and not any(_by_ssh(servers)):
        yield Finding(draft.where("ssh_jump"), "no server is reached by ssh; leave it empty")


def _plan(draft: Draft, servers: Servers) -> Iterator[Finding]:
    config = draft.config
    if plan_findings(*(getattr(config, key) for key in PLAN_KEYS)):
        return  # which has been said
    network = IPv4Network(config.romana_cidr)
    for node in servers.nodes:
        if IPv4Address(node.address) in network:
            text = f"{network} holds {node.name}'s own address {node.address}; choose another network"
            yield Finding(draft.where("romana_cidr"), text)
    fit = 2**config.romana_host_bits
    beyond = [node.name for node in servers.nodes if node.index >= fit]
    if beyond:
        text = f"{config.romana_host_bits} host bits hold {fit} servers, not {', '.join(beyond)}, too; raise it"
        yield Finding(draft.where("romana_host_bits"), text)


def _owners(draft: Draft, servers: Servers) -> Iterator[Finding]:
    computes = [node.name for node in servers.nodes if node.compute and not node.controller]
    for name in draft.config.romana_host_owners:
        if name not in computes:
            known = ", ".join(computes) or "none"
            text = f"{name} is no compute node of the inventory{did_you_mean(name, computes)}; those are: {known}"
            yield Finding(draft.where("romana_host_owners"), text)


def _by_ssh(servers: Servers) -> Iterator[bool]:
    return (bool(reach.host) for reach in servers.reach.values())
