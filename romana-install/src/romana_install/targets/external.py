"""The external network: the addresses that floating IPs get, and what is wrong with those configured. Pure.

They are on the nodes' own network, where the host of an instance answers for its floating IP. So whatever reaches the
nodes there reaches floating IPs, and on no machine is anything set up for them, this one included.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network

from romana_install.base.findings import Finding
from romana_install.config.address_plan import PLAN_KEYS
from romana_install.config.read import Draft
from romana_install.config.settings import NO_EXTERNAL, Config
from romana_install.targets.target import Target

KEY = "openstack_external_cidr"
GUIDE = "docs/how-to/external-networks.md"
LONGEST = 29  # prefix length


def cidr(config: Config, target: Target, engine: str, release: str) -> str:
    """The external network that a checked configuration asks for; empty for none.

    release: what DevStack installs, if it is the engine.
    """
    given = config.openstack_external_cidr
    if given == NO_EXTERNAL or not config.openstack_demo or not _has_routers(config, engine, release):
        return ""
    return given or target.external_cidr(config)


def findings(draft: Draft, target: Target, engine: str, release: str) -> Iterator[Finding]:
    """All that is wrong with it, where nodes have addresses."""
    yield from _of_nodes(draft, target, engine, release)
    config, where = draft.config, draft.where(KEY)
    given = config.openstack_external_cidr
    if given == NO_EXTERNAL or engine == "none":
        return
    if given and not _has_routers(config, engine, release):
        yield Finding(where, f"is {given}, but Neutron of {release} has no floating IPs here; leave it empty")
    if given and not config.openstack_demo:
        text = f"is {given}, but openstack_demo is false, with which no network is made"
        yield Finding(where, f"{text}; leave it empty, and make the network as {GUIDE} shows")
    wanted = cidr(config, target, engine, release)
    if not wanted:
        return
    try:
        network = IPv4Network(wanted)
    except ValueError:
        yield Finding(where, f"{wanted!r} is not an IPv4 network; write it like 192.168.99.128/26")
        return
    for problem in (*_problems(draft, network), *target.external_problems(config, network)):
        yield Finding(where, f"{network} {problem}")


def _of_nodes(draft: Draft, target: Target, engine: str, release: str) -> Iterator[Finding]:
    """What is wrong with floating IPs that nodes have of their own."""
    config, key = draft.config, target.floating_key
    if not key or not draft.usable(key, *PLAN_KEYS) or not getattr(config, key):
        return
    where, given = draft.where(key), f"is {getattr(config, key)}, but"
    if not _has_routers(config, engine, release):
        what = f"Neutron of {release} has no floating IPs here" if engine == "devstack" else f"engine {engine} has none"
        yield Finding(where, f"{given} {what}; set it to 0, or choose another OpenStack")
    elif not config.openstack_demo:
        yield Finding(where, f"{given} openstack_demo is false, with which no network is made of them; set it to 0")
    if config.openstack_external_cidr == NO_EXTERNAL:
        yield Finding(where, f"{given} {KEY} is {NO_EXTERNAL}; set it to 0, or leave {KEY} empty")
    yield from (Finding(where, problem) for problem in target.floating_problems(config))


def _has_routers(config: Config, engine: str, release: str) -> bool:
    """Whether the stack's Neutron offers routers and floating IPs."""
    if engine == "devstack":
        return release in config.devstack_releases and config.devstack_releases[release].maintained
    return engine == "packages"


def _problems(draft: Draft, network: IPv4Network) -> Iterator[str]:
    if network.prefixlen > LONGEST:
        yield f"is too small: each router takes an address, too; give a /{LONGEST} or larger"
    if draft.usable(*PLAN_KEYS):
        plan = IPv4Network(draft.config.romana_cidr, strict=False)
        if network.overlaps(plan):
            yield f"overlaps the network of all endpoints, {plan} (romana_cidr); choose another network"


def taken(network: IPv4Network, addresses: dict[str, str]) -> Iterator[str]:
    """What is wrong with an external network that holds addresses of others. addresses: by whose they are."""
    for whose, address in addresses.items():
        if IPv4Address(address) in network:
            yield f"holds the address of {whose}, {address}; choose another network, or {NO_EXTERNAL}"
