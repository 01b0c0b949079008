"""What servers say of themselves: all asked at once, each by one ssh, and none of them changed."""

from __future__ import annotations

import shlex
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from romana.filters.barriers import filters
from romana.filters.rules import Filter
from romana_install.base import machine
from romana_install.base.files import write_private
from romana_install.state import forward, login, pki, ssh
from romana_install.state.stack import Node, Stack

SCRIPT = Path(__file__).with_name("facts.sh")
PATIENCE = 40.0  # seconds for a server to answer: ssh gives up before, and says why
AT_ONCE = 32
NOBODYS_PORT = 9  # of the protocol discard
LISTENS = "0A"  # in /proc/net/tcp
DEFAULT_ROUTE = IPv4Network("0.0.0.0/0")


@dataclass(frozen=True)
class Facts:
    """What a server said. silence: why it said nothing, and what to do; empty when it did.

    os: ID and VERSION_ID of os-release; python: the distribution's version, empty for none; memory: bytes that
    programs could have; disks: free bytes by mount point; routes: (destination, whether the server is in it), but
    default ones; routers: of its routes; ports: TCP ports that are listened on; clock: seconds it is ahead of this
    machine; authority: digest of the certificate of the stack it belongs to; stack: the name in that; sudo: why root is
    not reached, in sudo's words; left: what it has of any stack, in words; filters: its tables of packet filters;
    forwarding: why its sshd forwards no connections, and what to do.
    """

    silence: str = ""
    name: str = ""
    arch: str = ""
    machine: str = ""
    os: tuple[str, str] = ("", "")
    python: str = ""
    systemd: bool = False
    memory: int = 0
    disks: dict[str, int] = field(default_factory=dict)
    addresses: frozenset[IPv4Address] = frozenset()
    routes: tuple[tuple[IPv4Network, bool], ...] = ()
    routers: tuple[IPv4Address, ...] = ()
    resolvers: tuple[IPv4Address, ...] = ()
    ports: frozenset[int] = frozenset()
    clock: float = 0.0
    authority: str = ""
    stack: str = ""
    left: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    host_keys: tuple[str, ...] = ()
    sudo: str = ""
    forwarding: str = ""


def ask(stack: Stack, nodes: Sequence[Node]) -> dict[str, Facts]:
    """What each of the nodes says, by name. The stack's directory need not exist."""
    with tempfile.TemporaryDirectory(prefix="romana-") as directory, ThreadPoolExecutor(AT_ONCE) as pool:
        elsewhere = replace(stack, directory=Path(directory))
        # It says more than usual: whatever goes wrong is looked at.
        write_private(elsewhere.directory / ssh.CONFIG_FILE, stack.target.ssh_config(elsewhere, "INFO"))
        answers = pool.map(lambda node: _ask(elsewhere, node), nodes)
        return {node.name: answer for node, answer in zip(nodes, answers, strict=True)}


def _ask(stack: Stack, node: Node) -> Facts:
    sudo = stack.sudo(node)
    # On its input, where nobody else sees the password.
    values = f"sudo={shlex.quote(sudo)}\npassword={shlex.quote(stack.become_password)}\n"
    before = time.time()
    try:
        lines = login.run(stack, node, values + SCRIPT.read_text(), PATIENCE, ("-S", "none")).splitlines()
    except login.SilentError as error:
        return Facts(silence=str(error))
    facts = parse(lines, (before + time.time()) / 2)
    reach = stack.target.reach_of(node.name)
    is_there = reach is not None and reach.host and IPv4Address(node.address) in facts.addresses
    return replace(facts, forwarding=forward.refusal(stack, node, NOBODYS_PORT)) if is_there else facts


def known_hosts(nodes: Iterable[Node], answers: Mapping[str, Facts]) -> str:
    """The servers' host keys as ssh keeps them, for servers that reach each other. Pure."""
    return "".join(
        f"{node.name},{node.address} {' '.join(key.split()[:2])}\n"
        for node in nodes
        for key in answers[node.name].host_keys
    )


def parse(lines: Iterable[str], now: float) -> Facts:
    """What the script's lines say. Pure. now: seconds since the epoch, here, when it ran there."""
    said: dict[str, list[str]] = {}
    for line in lines:
        name, _, value = line.partition(" ")
        said.setdefault(name, []).append(value)

    def one(name: str) -> str:
        return said.get(name, [""])[0]

    routes = tuple(_routes(said.get("route", [])))
    os_id, _, os_version = one("os").partition(" ")
    return Facts(
        name=one("name"),
        arch=one("arch"),
        machine=one("machine"),
        os=(os_id, os_version),
        python=one("python"),
        systemd="systemd" in said,
        memory=sum(int(figure) for figure in said.get("memory", [])) * 1024,
        disks=_disks(said.get("disk", [])),
        addresses=frozenset(_addresses(said.get("trie", []))),
        routes=tuple((network, router is None) for network, router in routes if network != DEFAULT_ROUTE),
        routers=tuple(sorted({router for _, router in routes if router is not None})),
        resolvers=machine.parse_resolvers("\n".join(said.get("resolver", []))),
        ports=frozenset(_ports(said.get("socket", []))),
        clock=float(one("time") or now) - now,
        authority=one("authority"),
        stack=pki.stack_of("\n".join(said.get("certificate", []))),
        left=tuple(said.get("left", [])),
        filters=tuple(filters(*("\n".join(said.get(name, [])) for name in ("nft", "iptables", "legacy")))),
        host_keys=tuple(said.get("hostkey", [])),
        sudo=one("sudo"),
    )


def _disks(lines: Iterable[str]) -> dict[str, int]:
    words = (line.split() for line in lines)
    return {mount: int(free) * 1024 for free, mount, *_ in words}


def _addresses(lines: Iterable[str]) -> Iterable[IPv4Address]:
    """The machine's own addresses in /proc/net/fib_trie: a leaf and, below it, what it is."""
    leaf = ""
    for line in lines:
        words = line.split()
        if words[:1] == ["|--"]:
            leaf = words[1]
        elif words == ["/32", "host", "LOCAL"]:
            yield IPv4Address(leaf)


def _routes(lines: Iterable[str]) -> Iterable[tuple[IPv4Network, IPv4Address | None]]:
    """The routes in /proc/net/route, each with its router; addresses are hexadecimal, in the byte order of memory."""
    for line in lines:
        interface, destination, gateway, _, _, _, _, mask, *_ = line.split()
        if interface != "Iface":
            router = IPv4Address(_reversed(gateway)) if int(gateway, 16) else None
            yield IPv4Network((_reversed(destination), bin(int(mask, 16)).count("1"))), router


def _reversed(hexadecimal: str) -> bytes:
    return bytes.fromhex(hexadecimal)[::-1]


def _ports(lines: Iterable[str]) -> Iterable[int]:
    for line in lines:
        words = line.split()
        if len(words) > 3 and words[3] == LISTENS:
            yield int(words[1].rpartition(":")[2], 16)
