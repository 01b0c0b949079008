"""Whether servers can carry the stack: everything that is wrong with all of them, each with its fix."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network

from romana.filters.barriers import barriers
from romana_install.base.findings import Finding
from romana_install.base.invocation import command
from romana_install.config.settings import Config
from romana_install.state.stack import Node, Stack
from romana_install.targets.preflight import GIB, MEMORY_COMPUTE, MEMORY_CONTROLLER, programs, space
from romana_install.targets.static.facts import Facts, ask
from romana_install.targets.static.passage import needs
from romana_install.verify import health

MIB = 2**20
# Whose packages have the names and versions that the roles know, as os-release says them.
SYSTEMS = {
    "none": {("debian", "12"), ("debian", "13"), ("ubuntu", "24.04")},
    "packages": {("debian", "13")},
}
SYSTEM_NAMES = {"none": "Debian 12 or 13, or Ubuntu 24.04", "packages": "Debian 13"}
SPACE_HERE = GIB // 4  # for our own packages and logs
SPACE = {"none": 400 * MIB, "packages": 3 * GIB}  # in all; where a part of it is mounted, a quarter
MEMORY_NONE = 256 * MIB
CLOCK = 5.0  # seconds; certificates and tokens are about time
CONTROLLER_PORTS = {"none": (), "packages": (80, 3306, 5000, 5672, 6080, 8774, 8775, 8778, 9292, 9696, 11211)}


def findings(config: Config, stack: Stack) -> list[Finding]:
    """All of them, of all servers.

    Args:
        config: a checked configuration for the target static.
        stack: the stack as it will be; its state directory need not exist.
    """
    by_ssh = any(reach and reach.host for reach in (stack.target.reach_of(node.name) for node in stack.nodes))
    found = [*programs(("ssh",) if by_ssh else ()), *space(config, stack.directory, SPACE_HERE)]
    if found:
        return found
    leaving = [node for node in stack.leaving if node.name not in config.static_forget]
    answers = ask(stack, [*stack.nodes, *leaving])
    authority = own_authority(stack)
    for node in stack.nodes:
        found += of_node(node, answers[node.name], stack, authority)
        found += of_filters(node, answers[node.name], stack, config)
        found += of_external(node, answers[node.name], config.openstack_external_cidr)
        if answers[node.name].authority != authority or not authority:
            found += of_new_node(node, answers[node.name], config, stack)
    for node in leaving:
        found += of_leaving_node(node, answers[node.name], stack)
    return [*found, *of_all(stack.nodes, answers, config)]


def own_authority(stack: Stack) -> str:
    """What tells the stack's servers from those of others: its authority's digest; empty before there is one."""
    path = stack.directory / "pki" / "ca.pem"
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def of_node(node: Node, facts: Facts, stack: Stack, authority: str) -> Iterator[Finding]:
    """What is wrong with a server, whether it is new or of the stack. Pure."""
    if facts.silence:
        yield Finding(node.name, facts.silence)
        return
    if facts.sudo:
        yield Finding(node.name, no_root(facts.sudo, stack.target.user(node), bool(stack.become_password)))
    # By that we reach the APIs of the controller, and instances for their verification.
    if facts.forwarding and (node.controller or stack.has_openstack):
        yield Finding(node.name, facts.forwarding)
    yield from _system(node, facts, stack.engine)
    yield from _identity(node, facts, stack.engine)
    if wrong := health.clock(facts.clock, CLOCK):
        yield Finding(node.name, wrong)
    if facts.authority and facts.authority != authority:
        yield Finding(node.name, taken(facts.stack))


def taken(owner: str) -> str:
    """The finding about a server of another stack. owner: its name, as far as it is known. Pure."""
    fix = command("uninstall", "-i", "INVENTORY", stack=owner)
    return (
        f"belongs to another stack{f', {owner}' * bool(owner)} (/etc/romana/ca.pem); uninstall that first, from where"
        f" it was installed, or if nothing is left there, with an inventory of its servers: {fix}"
    )


def of_filters(node: Node, facts: Facts, stack: Stack, config: Config) -> Iterator[Finding]:
    """Chains of others on a server that drop what the stack needs for certain. Pure."""
    for barrier in barriers(facts.filters, needs(node, stack, config)):
        if barrier.certain:
            yield Finding(node.name, str(barrier))


def of_external(node: Node, facts: Facts, cidr: str) -> Iterator[Finding]:
    """What of a server's is in the external network, whose addresses floating IPs get. cidr: empty for none. Pure."""
    if not cidr:
        return
    network = IPv4Network(cidr)
    has = {
        "address": facts.addresses - {IPv4Address(node.address)},
        "router": facts.routers,
        "name server": facts.resolvers,
    }
    for what, those in has.items():
        for one in sorted(set(those)):
            if one in network:
                text = f"its {what} {one} is in {network} (openstack_external_cidr); choose another network"
                yield Finding(node.name, text)


def of_leaving_node(node: Node, facts: Facts, stack: Stack) -> Iterator[Finding]:
    """What is wrong with a server that is to be given back. Pure."""
    if facts.silence:
        fix = f'if it is gone for good: -e \'{{"static_forget": ["{node.name}"]}}\''
        yield Finding(node.name, f"is to be given back, but {facts.silence}; {fix}")
    if facts.sudo:
        yield Finding(node.name, no_root(facts.sudo, stack.target.user(node), bool(stack.become_password)))


def _system(node: Node, facts: Facts, engine: str) -> Iterator[Finding]:
    if not facts.python:
        yield Finding(node.name, "has no /usr/bin/python3; as root: apt-get install python3")
    if not facts.systemd:
        yield Finding(node.name, "is not run by systemd; install systemd-sysv and boot it anew")
    if facts.os not in SYSTEMS[engine]:
        what = " ".join(facts.os).strip() or "of no known system"
        yield Finding(node.name, f"is {what}; the engine {engine} needs {SYSTEM_NAMES[engine]}")
    if facts.arch != platform.machine():
        text = f"is {facts.arch} and this machine {platform.machine()}; run romana-setup on a machine like the servers"
        yield Finding(node.name, text)


def _identity(node: Node, facts: Facts, engine: str) -> Iterator[Finding]:
    if IPv4Address(node.address) not in facts.addresses:
        text = f"has no address {node.address}; give as node_address the one by which the other servers reach it"
        yield Finding(node.name, text)
    if engine == "packages" and facts.name.partition(".")[0] != node.name:
        text = f"calls itself {facts.name}; give it the inventory's name with: hostnamectl set-hostname {node.name}"
        yield Finding(node.name, text)


def of_new_node(node: Node, facts: Facts, config: Config, stack: Stack) -> Iterator[Finding]:
    """What is wrong with a server that is not of the stack yet. Pure."""
    if facts.silence:
        return
    yield from _room(node, facts, stack.engine)
    wanted = [config.romana_server_port, *CONTROLLER_PORTS[stack.engine]] if node.controller else []
    for port in wanted:
        if port in facts.ports:
            fix = "choose another romana_server_port, or " if port == config.romana_server_port else ""
            text = f"TCP port {port} is taken; {fix}stop what listens there, as told by: ss -ltnp sport = :{port}"
            yield Finding(node.name, text)
    network = IPv4Network(config.romana_cidr)
    where = f"{network} (romana_cidr); choose another network"
    for route, _ in facts.routes:
        if route.overlaps(network):
            yield Finding(node.name, f"its route {route} overlaps {where}")
    for resolver in facts.resolvers:
        if resolver in network:
            yield Finding(node.name, f"its name server {resolver} is in {where}")


def _room(node: Node, facts: Facts, engine: str) -> Iterator[Finding]:
    for mount, free in facts.disks.items():
        needed = SPACE[engine] if mount == "/" else SPACE[engine] // 4
        if free < needed:
            text = f"{free / MIB:.0f} MiB are free in {mount}, {needed / MIB:.0f} MiB are needed; make room there"
            yield Finding(node.name, text)
    needed = memory_needed(node, engine)
    if facts.memory < needed:
        there, wanted = facts.memory / GIB, needed / GIB
        yield Finding(
            node.name, f"{there:.1f} GiB of memory are available, {wanted:.2g} GiB are needed; add some, or swap"
        )


def memory_needed(node: Node, engine: str) -> int:
    """Bytes. Pure."""
    if engine == "none":
        return MEMORY_NONE
    return MEMORY_CONTROLLER[engine] * node.controller + MEMORY_COMPUTE * node.compute


def of_all(nodes: Sequence[Node], answers: Mapping[str, Facts], config: Config) -> Iterator[Finding]:
    """What is wrong with the servers together. Pure."""
    heard = [node for node in nodes if not answers[node.name].silence]
    machines: dict[str, str] = {}
    for node in heard:
        first = machines.setdefault(answers[node.name].machine, node.name)
        if first != node.name:
            text = (
                f"has the machine-id of {first}: one server under two names, or a copy of it; take one out, or as root:"
            )
            yield Finding(node.name, f"{text} rm /etc/machine-id && systemd-machine-id-setup")
    pythons = sorted({answers[node.name].python for node in heard} - {""})
    if len(pythons) > 1:
        text = f"servers have Python {', '.join(pythons)}; give all of them the same release of their system"
        yield Finding("inventory", text)
    if not config.static_routes_announced and heard:
        yield from _apart(heard, answers)


def _apart(nodes: Sequence[Node], answers: Mapping[str, Facts]) -> Iterator[Finding]:
    """Servers that are not in one network with the others: packets to them go to a router that knows no prefixes."""
    first, *others = nodes
    networks = [route for route, is_in in answers[first.name].routes if is_in]
    for node in others:
        if not any(IPv4Address(node.address) in network for network in networks):
            text = f"{node.address} is in no network of {first.name}'s, so routers between them would have to know each"
            fix = "host's prefix; if they do, set static_routes_announced; else use servers in one network"
            yield Finding(node.name, f"{text} {fix}")


def no_root(why: str, user: str, password_given: bool) -> str:
    """The finding about a user who does not become root; `why` in sudo's words. Pure."""
    if "not found" in why:
        return f"has no sudo; as root: apt-get install sudo, and let {user} use it; or log in as root"
    if "incorrect password" in why or ("password is required" in why and password_given):
        return f"sudo does not take the password that was given for {user}; give the right one to -K"
    if "password is required" in why:
        return f"sudo asks {user} for a password; give it with -K, or let {user} use sudo without (NOPASSWD)"
    return f"{user} cannot become root: {why}; let {user} use sudo, or log in as root"
