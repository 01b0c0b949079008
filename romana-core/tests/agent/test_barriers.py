"""Chains of other programs that drop endpoints' packets: seen, explained with commands, and gone once those ran."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from ipaddress import IPv4Address

import pytest
from agent_lab import Guest, Lab, Namespace, Node, until
from server_lab import LabServer
from starting import forked_agent

from romana.models import Explain

pytestmark = pytest.mark.root

DOCKER = """
iptables -P FORWARD DROP
iptables -N DOCKER-USER
iptables -N DOCKER-CT
iptables -A FORWARD -j DOCKER-USER
iptables -A FORWARD -j DOCKER-CT
iptables -A DOCKER-CT -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables -A FORWARD -i docker0 ! -o docker0 -j ACCEPT
"""
LEGACY = "iptables-legacy -P FORWARD DROP"
NFT = """
nft add table inet site
nft add chain inet site pass '{ type filter hook forward priority 10; policy drop; }'
nft add rule inet site pass ct state vmap '{ established : accept, related : accept, invalid : drop }'
nft add rule inet site pass tcp dport 22 accept
"""
REJECTS = """
nft add table inet site
nft add chain inet site pass '{ type filter hook forward priority 10; policy accept; }'
nft add chain inet site public
nft add rule inet site pass iifname vmap '{ "eth0" : goto public }'
nft add rule inet site pass goto public
nft add rule inet site public ct state established,related accept
nft add rule inet site public reject with icmpx admin-prohibited
"""


@pytest.fixture(scope="module")
def server() -> Iterator[LabServer]:
    """Two nodes whose agents follow a real server."""
    with closing(Lab(2, start=forked_agent)) as lab, closing(LabServer(lab)) as server:
        for node in lab.nodes:
            node.start_agent()
        yield server


@pytest.fixture(scope="module")
def pair(server: LabServer) -> list[Guest]:
    """Two guests of a segment, on either node."""
    guests = [server.guest(0, "s1"), server.guest(1, "s1")]
    for guest in guests:
        guest.plug()
        until(lambda guest=guest: server.endpoint(guest).status.value == "active", f"{guest.id} is active")
        guest.configure()
    return guests


@pytest.fixture
def guests(server: LabServer, pair: list[Guest]) -> Iterator[list[Guest]]:
    """They reach each other; what a test has put in their way is taken away after it."""
    inside = pair[0].node.namespace
    before = tables(inside)
    assert pair[0].reaches(pair[1])
    yield pair
    for table in tables(inside) - before:
        inside.run("nft", "delete", "table", *table.split())
    if inside.run("cat", "/proc/net/ip_tables_names").strip():
        inside.run("sh", "-ec", "iptables-legacy -F; iptables-legacy -P FORWARD ACCEPT")
    until(lambda: chains(server, pair[0]) == [], "nothing stands in the way any more")


def tables(inside: Namespace) -> set[str]:
    """The tables of nftables there: family and name."""
    return {line.removeprefix("table ") for line in inside.run("nft", "list", "tables").splitlines()}


def explained(server: LabServer, guest: Guest) -> Explain:
    return server.ask(lambda client: client.explain(IPv4Address(guest.address)))


def chains(server: LabServer, guest: Guest) -> list[tuple[str, bool]]:
    """What stands in the way, as explain tells: chain with what it does, and whether that is for certain."""
    return [(check.applied, not check.ok) for check in explained(server, guest).checks if check.what == "chain"]


def hear(node: Node, rules: str) -> None:
    """Nobody is told of what iptables-legacy changes: an agent looks when it starts, and each minute."""
    if rules == LEGACY:
        node.kill_agent()
        node.start_agent()


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (DOCKER, "ip filter FORWARD (policy drop) drops packets of endpoints"),
        (LEGACY, "ip filter FORWARD of iptables-legacy (policy drop) drops packets of endpoints"),
        (NFT, "inet site pass (policy drop) drops packets of endpoints"),
        (REJECTS, "inet site pass (by its rules) drops packets of endpoints"),
    ],
    ids=["docker", "legacy", "nft", "rejects"],
)
def test_chain_in_the_way_is_explained_and_the_advice_works(
    server: LabServer, guests: list[Guest], rules: str, said: str
) -> None:
    node = guests[0].node
    node.namespace.run("sh", "-ec", rules)
    assert not guests[0].reaches(guests[1])
    hear(node, rules)
    until(lambda: chains(server, guests[0]) == [(said, True)], said)
    (advice,) = explained(server, guests[0]).advice
    assert advice.startswith(f"{node.name}: chain {said}; let it through, as root: ")
    host = server.ask(lambda client: client.host(node.name))
    assert host.errors == 1
    assert said in node.log.read_text()
    for command in advice.partition(", as root: ")[2].split("; "):
        if command.startswith(("iptables", "nft")):  # the others keep it for the next boot
            node.namespace.run(*command.split())
    hear(node, rules)
    until(lambda: chains(server, guests[0]) == [], "nothing stands in the way any more")
    assert guests[0].reaches(guests[1])


def test_guests_without_dhcp_are_told_of_the_input_chain(server: LabServer, guests: list[Guest]) -> None:
    node = guests[0].node
    rules = "iptables -P INPUT DROP; iptables -A INPUT -i lo -j ACCEPT; iptables -A INPUT -p udp --sport 67 -j ACCEPT"
    more = "iptables -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT"
    node.namespace.run("sh", "-ec", f"{rules}; {more}")
    said = "ip filter INPUT (policy drop) drops endpoints' DHCP"
    until(lambda: chains(server, guests[0]) == [(said, True)], said)
    assert guests[0].reaches(guests[1])
    assert guests[0].lease() == ""
    node.namespace.run("iptables", "-I", "INPUT", "-p", "udp", "--dport", "67", "-j", "ACCEPT")
    until(lambda: chains(server, guests[0]) == [], "nothing stands in the way any more")
    assert guests[0].lease()


@pytest.mark.parametrize(
    "rules",
    [
        "iptables -P FORWARD DROP; iptables -A FORWARD -s 10.0.0.0/8 -d 10.0.0.0/8 -j ACCEPT",
        "iptables -P FORWARD DROP; iptables -A FORWARD -i tap+ -j ACCEPT; iptables -A FORWARD -o tap+ -j ACCEPT",
        "nft add table ip t; nft add chain ip t c '{ type filter hook forward priority 0; policy drop; }';"
        "nft add set ip t ours '{ type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 192.0.2.1 }; }';"
        "nft add rule ip t c ip saddr @ours accept",
        "nft add table bridge t; nft add chain bridge t c '{ type filter hook forward priority 0; policy drop; }'",
        "nft add table ip6 t; nft add chain ip6 t c '{ type filter hook forward priority 0; policy drop; }'",
        "nft add table ip t; nft add chain ip t c '{ type filter hook forward priority 0; policy accept; }';"
        "nft add rule ip t c iifname docker0 drop; nft add rule ip t c tcp dport 25 reject",
    ],
    ids=["accepted", "accepted by interface", "set", "bridge", "ip6", "others"],
)
def test_chain_that_lets_endpoints_pass_is_no_barrier(server: LabServer, guests: list[Guest], rules: str) -> None:
    node = guests[0].node
    node.namespace.run(
        "sh", "-ec", f"{rules}; iptables -P OUTPUT DROP; iptables -A OUTPUT -d 192.168.99.0/24 -j ACCEPT"
    )
    said = "ip filter OUTPUT (policy drop) drops DHCP's answers"
    # The agent lists table by table, and looks again at each change: what it saw amid these commands goes by itself.
    until(lambda: chains(server, guests[0]) == [(said, True)], said)
    assert guests[0].reaches(guests[1])


def test_what_cannot_be_told_is_no_error(server: LabServer, guests: list[Guest]) -> None:
    node = guests[0].node
    node.namespace.run(
        *("sh", "-ec", "iptables -P FORWARD DROP; iptables -A FORWARD -m addrtype --src-type UNICAST -j ACCEPT")
    )
    said = "ip filter FORWARD (policy drop) may drop packets of endpoints"
    until(lambda: chains(server, guests[0]) == [(said, False)], said)
    assert guests[0].reaches(guests[1])
    assert server.ask(lambda client: client.host(node.name)).errors == 0
