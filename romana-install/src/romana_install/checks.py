"""Whether a configuration can be installed: everything that one value alone does not tell. Pure.

What is wrong with servers of the target `static` is in romana_install.static.
For the target `aws` the nodes are reached by their public addresses, so their network is held against the address plan
only. For the target `local` the address plan lives only inside the nodes' network namespaces, whose one route and no
resolver come from local_network; so the plan is held against local_network, and local_network against this machine's
own routes and resolvers. A resolver of this machine inside the plan is no conflict.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network

from romana.addressing import plan_findings
from romana_install.aws import checks as aws_checks
from romana_install.config import Draft
from romana_install.findings import Finding, did_you_mean
from romana_install.machine import MachineNetwork
from romana_install.plan import FIRST_NODE, capacity, is_compute_node, network_key
from romana_install.stack import Stack
from romana_install.vagrant.machines import HOST_ONLY, WAY_OUT

DEFAULT_ENGINES = {"aws": "devstack", "vagrant": "devstack", "static": "packages", "local": "packages"}
OPENSTACK_RELEASE = "trixie"  # the Debian whose OpenStack packages we install, and that nodes usually have
DEFAULT_DEVSTACK = "liberty"
PLAN_KEYS = ("romana_cidr", "romana_host_bits", "romana_tenant_bits", "romana_segment_bits", "romana_endpoint_bits")


def engine(draft: Draft, target: str, existing: Stack | None) -> str:
    """The OpenStack engine: as configured, else the existing stack's, else the target's usual one."""
    return draft.config.openstack_engine or (existing.engine if existing else DEFAULT_ENGINES[target])


def devstack_release(draft: Draft, existing: Stack | None) -> str:
    """What DevStack installs: as configured, else what the existing stack has, else the usual one."""
    return draft.config.devstack_release or (existing.release if existing else "") or DEFAULT_DEVSTACK


def devstack_git_base(draft: Draft, existing: Stack | None) -> str:
    """Where DevStack's repositories come from: as configured, else as the existing stack's; empty for the usual."""
    return draft.config.devstack_git_base or (existing.git_base if existing else "")


def debian_release(draft: Draft, target: str, existing: Stack | None) -> str:
    """The Debian of the nodes: as configured, else what DevStack's release needs, else the usual one."""
    config = draft.config
    if config.local_debian_release or engine(draft, target, existing) != "devstack":
        return config.local_debian_release or OPENSTACK_RELEASE
    return config.devstack_releases[devstack_release(draft, existing)].debian


def findings(draft: Draft, target: str, existing: Stack | None, machine: MachineNetwork) -> list[Finding]:
    """All that is wrong, what reading found included; empty when the installation can begin."""
    found = [*draft.findings]
    if target != "static" and draft.usable("openstack_engine", "local_debian_release"):
        found += _release(draft, target, existing)
    usable = draft.usable("openstack_engine", "devstack_release", "devstack_releases", "local_debian_release")
    if target != "static" and usable:
        found += _devstack_release(draft, target, existing)
    if draft.usable(*PLAN_KEYS):
        found += _address_plan(draft, target)
    if draft.usable("romana_tenants"):
        found += _tenants(draft)
    if draft.usable("romana_host_owners", "romana_tenants", "openstack_engine", "devstack_compute_node"):
        found += _owners(draft, target, existing)
    found += _of_target(draft, target, existing, machine)
    if target != "static" and draft.usable("devstack_compute_node"):
        found += _nodes(draft, target)
    if existing is not None:
        found += _fixed_by_stack(draft, target, existing)
    return list(dict.fromkeys(found))


def _release(draft: Draft, target: str, existing: Stack | None) -> Iterator[Finding]:
    release = draft.config.local_debian_release
    if release not in ("", OPENSTACK_RELEASE) and engine(draft, target, existing) == "packages":
        yield Finding(
            draft.where("local_debian_release"),
            f"is {release}, whose OpenStack is not one this version knows; give {OPENSTACK_RELEASE},"
            " or -e openstack_engine=none",
        )


def _devstack_release(draft: Draft, target: str, existing: Stack | None) -> Iterator[Finding]:
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


def _of_target(draft: Draft, target: str, existing: Stack | None, machine: MachineNetwork) -> Iterator[Finding]:
    if target == "local":
        yield from _local(draft, existing, machine)
    if target == "vagrant":
        yield from _vagrant(draft, existing, machine)
    if target == "aws":
        yield from aws_checks.findings(draft, existing)


def _local(draft: Draft, existing: Stack | None, machine: MachineNetwork) -> Iterator[Finding]:
    if draft.usable("local_network"):
        yield from _nodes_network(draft, "local_network", existing, machine)
    if draft.usable("openstack_engine", "local_uplink"):
        yield from _uplink(draft, existing, machine)


def _vagrant(draft: Draft, existing: Stack | None, machine: MachineNetwork) -> Iterator[Finding]:
    if draft.usable("vagrant_network"):
        yield from _nodes_network(draft, "vagrant_network", existing, machine)
    for key in ("vagrant_network", "romana_cidr"):
        network = _network(getattr(draft.config, key))
        if draft.usable(key) and network and network.overlaps(WAY_OUT):
            text = f"{network} overlaps {WAY_OUT}, by which Vagrant and its machines reach each other; choose another"
            yield Finding(draft.where(key), text)
    if existing is None or existing.target != "vagrant" or not draft.usable("vagrant_provider"):
        return
    provider = existing.cloud["provider"]
    if draft.config.vagrant_provider != provider:
        yield Finding(
            draft.where("vagrant_provider"),
            f"is {draft.config.vagrant_provider}, but the machines of stack {existing.name} are {provider}'s;"
            " put that back, uninstall first, or choose another stack_name",
        )


def _uplink(draft: Draft, existing: Stack | None, machine: MachineNetwork) -> Iterator[Finding]:
    made_by = engine(draft, "local", existing)
    wanted = uplink_wanted(draft.config.local_uplink, made_by)
    if wanted and not machine.resolvers:
        yield Finding("/etc/resolv.conf", "names no IPv4 name server that nodes could ask; add one (local_uplink)")
    if not wanted and made_by == "devstack":
        yield Finding(draft.where("local_uplink"), "is false, and DevStack installs packages on nodes; leave it empty")


def uplink_wanted(configured: bool | None, engine: str) -> bool:
    """Whether the nodes of a local stack have a way out: as configured, else when what is installed needs it."""
    return engine == "devstack" if configured is None else configured


def _address_plan(draft: Draft, target: str) -> Iterator[Finding]:
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
    key = network_key(target)
    if target != "static" and draft.usable(key):
        nodes_network = _network(getattr(config, key))
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


def _owners(draft: Draft, target: str, existing: Stack | None) -> Iterator[Finding]:
    config = draft.config
    where = draft.where("romana_host_owners")
    tenants = [tenant.name for tenant in config.romana_tenants]
    for host, owner in config.romana_host_owners.items():
        if target != "static" and not is_compute_node(host, config):  # servers have names of their own
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


def _nodes_network(draft: Draft, key: str, existing: Stack | None, machine: MachineNetwork) -> Iterator[Finding]:
    where, text = draft.where(key), getattr(draft.config, key)
    network = _network(text)
    if network is None:
        yield Finding(where, f"{text!r} is not an IPv4 network; write it like 192.168.99.0/24")
        return
    if network.num_addresses <= FIRST_NODE + 2:
        yield Finding(where, f"{network} is too small: the controller is .{FIRST_NODE}; give a /27 or larger")
    yield from _unsuitable(draft, key, network)
    ours = existing is not None and existing.network == str(network)
    for route in machine.routes:
        # The stack's own route is there while it runs, and VirtualBox keeps an interface for its next machines.
        its = route.network == network and (ours or route.device.startswith(HOST_ONLY))
        if route.network.overlaps(network) and not its:
            yield Finding(
                where,
                f"{network} overlaps this machine's route {route.network} ({route.device}); choose another network",
            )
    for resolver in machine.resolvers:
        if resolver in network:
            yield Finding(where, f"{network} holds this machine's name server {resolver}; choose another network")


def _nodes(draft: Draft, target: str) -> Iterator[Finding]:
    config = draft.config
    where = draft.where("devstack_compute_node")
    count = config.devstack_compute_node
    if count == 0 and draft.usable("controller_is_compute") and not config.controller_is_compute:
        yield Finding(where, "is 0 and controller_is_compute is false: no compute node at all; give 1 or more")
    key = network_key(target)
    network = _network(getattr(config, key))
    if draft.usable(key, "aws_availability_zones") and network is not None:
        fit = capacity(config, target)
        if count > fit:
            yield Finding(where, f"is {count}; {network} ({key}) holds up to {fit} compute nodes")
    bits = config.romana_host_bits
    if draft.usable(*PLAN_KEYS) and 0 <= bits <= 32:
        fit = 2**bits - 1
        if count > fit:
            yield Finding(where, f"is {count}; {bits} host bits (romana_host_bits) hold up to {fit} compute nodes")


def _fixed_by_stack(draft: Draft, target: str, existing: Stack) -> Iterator[Finding]:
    """What cannot change while the stack exists: every address in it follows from these."""
    config = draft.config
    wanted: dict[str, object] = {key: getattr(config, key) for key in PLAN_KEYS}
    has: dict[str, object] = dict(existing.plan)
    if target == existing.target and target != "static":
        key = network_key(target)
        wanted[key], has[key] = getattr(config, key), existing.network
    wanted["romana_server_port"], has["romana_server_port"] = config.romana_server_port, existing.server_port
    for key, value in wanted.items():
        if draft.usable(key) and key in has and has[key] != value:
            yield Finding(
                draft.where(key),
                f"is {value}, but stack {existing.name} was made with {has[key]};"
                " put that back, uninstall first, or choose another stack_name",
            )
    if target != existing.target:
        text = f"stack {existing.name} is on {existing.target}; leave -t out, or choose another stack_name"
        yield Finding(f"-t {target}", text)
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


def _network(text: str) -> IPv4Network | None:
    try:
        return IPv4Network(text)
    except ValueError:
        return None
