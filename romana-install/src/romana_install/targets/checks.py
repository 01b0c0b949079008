"""Whether a configuration can be installed: everything that one value alone does not tell. Pure.

What is so for one target only is among that target's own checks.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network

from romana.addressing import plan_findings
from romana_install.base.findings import Finding, did_you_mean
from romana_install.base.machine import MachineNetwork
from romana_install.config.address_plan import PLAN_KEYS
from romana_install.config.read import Draft
from romana_install.state.stack import Stack
from romana_install.targets import external
from romana_install.targets.machines import FIRST_NODE, Machines
from romana_install.targets.nodes import is_compute_node
from romana_install.targets.target import Target

OPENSTACK_RELEASE = "trixie"  # the Debian whose OpenStack packages we install, and that nodes usually have
DEFAULT_DEVSTACK = "liberty"


def engine(draft: Draft, target: Target, existing: Stack | None) -> str:
    """The OpenStack engine: as configured, else the existing stack's, else the target's usual one."""
    return draft.config.openstack_engine or (existing.engine if existing else target.default_engine)


def devstack_release(draft: Draft, existing: Stack | None) -> str:
    """What DevStack installs: as configured, else what the existing stack has, else the usual one."""
    return draft.config.devstack_release or (existing.release if existing else "") or DEFAULT_DEVSTACK


def devstack_git_base(draft: Draft, existing: Stack | None) -> str:
    """Where DevStack's repositories come from: as configured, else as the existing stack's; empty for the usual."""
    return draft.config.devstack_git_base or (existing.git_base if existing else "")


def debian_release(draft: Draft, target: Target, existing: Stack | None) -> str:
    """The Debian of the nodes: as configured, else what DevStack's release needs, else the usual one."""
    config = draft.config
    if config.local_debian_release or engine(draft, target, existing) != "devstack":
        return config.local_debian_release or OPENSTACK_RELEASE
    return config.devstack_releases[devstack_release(draft, existing)].debian


def findings(draft: Draft, target: Target, existing: Stack | None, machine: MachineNetwork) -> list[Finding]:
    """All that is wrong, what reading found included; empty when the installation can begin."""
    found = [*draft.findings]
    if isinstance(target, Machines):
        found += _machines(draft, target, existing)
    if draft.usable(*PLAN_KEYS):
        found += _address_plan(draft, target)
    if draft.usable("romana_tenants"):
        found += _tenants(draft)
    if draft.usable("romana_host_owners", "romana_tenants", "openstack_engine", "devstack_compute_node"):
        found += _owners(draft, target, existing)
    found += target.check(draft, existing, machine)
    if isinstance(target, Machines) and draft.usable("devstack_compute_node"):
        found += _nodes(draft, target)
    if draft.usable(external.KEY, "openstack_engine", "openstack_demo", "devstack_release", "devstack_releases"):
        found += _external(draft, target, existing)
    if existing is not None:
        found += _fixed_by_stack(draft, target, existing)
    return list(dict.fromkeys(found))


def _machines(draft: Draft, target: Machines, existing: Stack | None) -> Iterator[Finding]:
    """What their system has to be."""
    if draft.usable("openstack_engine", "local_debian_release"):
        yield from _release(draft, target, existing)
    if draft.usable("openstack_engine", "devstack_release", "devstack_releases", "local_debian_release"):
        yield from _devstack_release(draft, target, existing)


def _release(draft: Draft, target: Target, existing: Stack | None) -> Iterator[Finding]:
    release = draft.config.local_debian_release
    if release not in ("", OPENSTACK_RELEASE) and engine(draft, target, existing) == "packages":
        yield Finding(
            draft.where("local_debian_release"),
            f"is {release}, whose OpenStack is not one this version knows; give {OPENSTACK_RELEASE},"
            " or -e openstack_engine=none",
        )


def _devstack_release(draft: Draft, target: Target, existing: Stack | None) -> Iterator[Finding]:
    release, known = devstack_release(draft, existing), draft.config.devstack_releases
    if release not in known:
        text = f"{release} is none of devstack_releases, which are {', '.join(known)}{did_you_mean(release, known)}"
        yield Finding(draft.where("devstack_release"), text)
        return
    if engine(draft, target, existing) != "devstack":
        return
    needed, given = known[release].debian, draft.config.local_debian_release
    if given not in ("", needed):
        yield Finding(
            draft.where("local_debian_release"), f"is {given}; {release} by DevStack needs {needed}; leave it empty"
        )


def _address_plan(draft: Draft, target: Target) -> Iterator[Finding]:
    config = draft.config
    numbers = [getattr(config, key) for key in PLAN_KEYS]
    found = plan_findings(*numbers)
    # A sum that is wrong is reported where the user has intervened.
    given = [key for key in PLAN_KEYS if draft.origin.get(key, "").startswith("-e")]
    for text in found:
        key = f"romana_{text.split()[0]}"
        yield Finding(draft.where(key if key in PLAN_KEYS else (given or ["romana_host_bits"])[0]), text)
    if found:
        return
    network = IPv4Network(config.romana_cidr)
    yield from _unsuitable(draft, "romana_cidr", network)
    key = target.network_key
    if key and draft.usable(key):
        nodes_network = parsed_network(getattr(config, key))
        if nodes_network and nodes_network.overlaps(network):
            yield Finding(
                draft.where("romana_cidr"),
                f"{network} overlaps the nodes' own network {nodes_network} ({key}); choose networks apart",
            )


def _tenants(draft: Draft) -> Iterator[Finding]:
    config = draft.config
    where = draft.where("romana_tenants")
    tenants = [tenant.name for tenant in config.romana_tenants]
    lists = [("tenants", tenants, "romana_tenant_bits")]
    for tenant in config.romana_tenants:
        lists.append((f"segments of {tenant.name}", tenant.segments, "romana_segment_bits"))
    for what, names, key in lists:
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield Finding(where, f"{what}: {name} is there twice; give each its own name")
        bits = getattr(config, key)
        # Numbers count from 1, so one of the 2**bits is never given out.
        if draft.usable(key) and 0 < bits <= 32 and len(names) > 2**bits - 1:
            yield Finding(where, f"{what}: {len(names)} do not fit {bits} bits, up to {2**bits - 1} do; raise {key}")


def _owners(draft: Draft, target: Target, existing: Stack | None) -> Iterator[Finding]:
    config = draft.config
    where = draft.where("romana_host_owners")
    tenants = [tenant.name for tenant in config.romana_tenants]
    for host, owner in config.romana_host_owners.items():
        if isinstance(target, Machines) and not is_compute_node(host, config):  # servers have names of their own
            yield Finding(where, f"{host} is no compute node of this stack; give one, like compute01")
        if owner not in tenants:
            yield Finding(
                where, f"{host}: there is no tenant {owner}{did_you_mean(owner, tenants)}; see romana_tenants"
            )
    if config.romana_host_owners and engine(draft, target, existing) != "none":
        yield Finding(
            where,
            "a node with OpenStack holds passwords of the whole cloud, so it can be no tenant's own;"
            " leave it empty, or give -e openstack_engine=none",
        )


def nodes_network(
    draft: Draft, key: str, existing: Stack | None, machine: MachineNetwork, kept: str | None = None
) -> Iterator[Finding]:
    """What is wrong with the network of nodes that are on this machine.

    kept: how the names of interfaces begin that stay for the next nodes; None where none do.
    """
    where, text = draft.where(key), getattr(draft.config, key)
    network = parsed_network(text)
    if network is None:
        yield Finding(where, f"{text!r} is not an IPv4 network; write it like 192.168.99.0/24")
        return
    if network.num_addresses <= FIRST_NODE + 2:
        yield Finding(where, f"{network} is too small: the controller is .{FIRST_NODE}; give a /27 or larger")
    yield from _unsuitable(draft, key, network)
    ours = existing is not None and existing.network == str(network)
    for route in machine.routes:
        # The stack's own route is there while it runs.
        its = route.network == network and (ours or (kept is not None and route.device.startswith(kept)))
        if route.network.overlaps(network) and not its:
            yield Finding(
                where,
                f"{network} overlaps this machine's route {route.network} ({route.device}); choose another network",
            )
    for resolver in machine.resolvers:
        if resolver in network:
            yield Finding(where, f"{network} holds this machine's name server {resolver}; choose another network")


def _nodes(draft: Draft, target: Machines) -> Iterator[Finding]:
    config = draft.config
    where = draft.where("devstack_compute_node")
    count = config.devstack_compute_node
    if count == 0 and draft.usable("controller_is_compute") and not config.controller_is_compute:
        yield Finding(where, "is 0 and controller_is_compute is false: no compute node at all; give 1 or more")
    key = target.network_key
    network = parsed_network(getattr(config, key))
    if draft.usable(key, "aws_availability_zones") and network is not None:
        fit = target.capacity(config)
        if count > fit:
            yield Finding(where, f"is {count}; {network} ({key}) holds up to {fit} compute nodes")
    bits = config.romana_host_bits
    if draft.usable(*PLAN_KEYS) and 0 <= bits <= 32:
        fit = 2**bits - 1
        if count > fit:
            yield Finding(where, f"is {count}; {bits} host bits (romana_host_bits) hold up to {fit} compute nodes")


def external_cidr(draft: Draft, target: Target, existing: Stack | None) -> str:
    """The external network of a configuration in which nothing is wrong; empty for none."""
    return external.cidr(draft.config, target, engine(draft, target, existing), devstack_release(draft, existing))


def _external(draft: Draft, target: Target, existing: Stack | None) -> Iterator[Finding]:
    """The external network, as far as nodes have addresses; where they have none that has been said."""
    if isinstance(target, Machines) and not _fit(draft, target):
        return
    yield from external.findings(draft, target, engine(draft, target, existing), devstack_release(draft, existing))


def _fit(draft: Draft, target: Machines) -> bool:
    """Whether the nodes' network holds all nodes."""
    config, key = draft.config, target.network_key
    if not draft.usable(key, "devstack_compute_node", "aws_availability_zones"):
        return False
    network = parsed_network(getattr(config, key))
    if network is None or network.num_addresses <= FIRST_NODE + 2:
        return False
    return config.devstack_compute_node <= target.capacity(config)


def _fixed_by_stack(draft: Draft, target: Target, existing: Stack) -> Iterator[Finding]:
    """What cannot change while the stack exists: every address in it follows from these."""
    config = draft.config
    wanted: dict[str, object] = {key: getattr(config, key) for key in PLAN_KEYS}
    has: dict[str, object] = dict(existing.plan)
    is_elsewhere = target.name != existing.target.name
    if target.network_key and not is_elsewhere:
        key = target.network_key
        wanted[key], has[key] = getattr(config, key), existing.network
    wanted["romana_server_port"], has["romana_server_port"] = config.romana_server_port, existing.server_port
    for key, value in wanted.items():
        if draft.usable(key) and key in has and has[key] != value:
            yield Finding(
                draft.where(key),
                f"is {value}, but stack {existing.name} was made with {has[key]};"
                " put that back, uninstall first, or choose another stack_name",
            )
    if is_elsewhere:
        text = f"stack {existing.name} is on {existing.target.name}; leave -t out, or choose another stack_name"
        yield Finding(f"-t {target.name}", text)
    else:
        yield from target.check_fixed(draft, existing)
    if existing.release and config.devstack_release and config.devstack_release != existing.release:
        yield Finding(
            draft.where("devstack_release"),
            f"is {config.devstack_release}, but stack {existing.name} was made with {existing.release}, whose databases"
            " it has; put that back, uninstall first, or choose another stack_name",
        )
    made = existing.engine
    if config.openstack_engine and config.openstack_engine != made:
        yield Finding(
            draft.where("openstack_engine"),
            f"is {config.openstack_engine}, but stack {existing.name} was made with {made}, which keeps hosts and"
            " endpoints in another database; uninstall first, or choose another stack_name",
        )


def _unsuitable(draft: Draft, key: str, network: IPv4Network) -> Iterator[Finding]:
    for reserved, what in _RESERVED.items():
        if network.overlaps(reserved):
            yield Finding(draft.where(key), f"{network} overlaps {reserved} ({what}); give a private network")


_RESERVED = {
    IPv4Network("0.0.0.0/8"): "this network",
    IPv4Network("127.0.0.0/8"): "loopback",
    IPv4Network("169.254.0.0/16"): "link-local",
    IPv4Network("224.0.0.0/3"): "multicast and reserved",
}


def parsed_network(text: str) -> IPv4Network | None:
    try:
        return IPv4Network(text)
    except ValueError:
        return None
