"""A host of a tenant's own that does away with all its rules: what its peers let it do, and what they do not."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from agent_lab import Guest, Lab, Node, until
from server_lab import LabServer

from romana.models import HostUpdate, TenantCreate

from .test_isolation import leased, received
from .test_repair import ruleset

pytestmark = pytest.mark.root

OWN, OTHER = (1, 2), (2, 2)
HOSTILE, PEER, THIRD = 0, 1, 2
EVERY_KIND = {"of its own prefix", "of the peer's prefix", "of the third host's prefix", "of an endpoint",
              "of no host's prefix"}  # fmt: skip
FORGE = """
import socket, struct, sys
source, target = sys.argv[1:]
icmp = bytes.fromhex("0800f7fd00010001")  # echo request, checksum included
header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 0, 0, 0, 64, 1, 0, *map(socket.inet_aton, (source, target)))
with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
    for _ in range(3):
        raw.sendto(header + icmp, (target, 0))
"""


class Network:
    """Three nodes with a guest of each tenant on both honest ones, and one of the owner's on the hostile one."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.own = lab.guest(HOSTILE, *OWN)
        self.near, self.far = lab.guest(PEER, *OWN), lab.guest(THIRD, *OWN)
        self.victim, self.beyond = lab.guest(PEER, *OTHER), lab.guest(THIRD, *OTHER)

    @property
    def hostile(self) -> Node:
        """The node of the owner."""
        return self.lab.nodes[HOSTILE]

    def begin(self, *, restricted: bool) -> None:
        """Have agents apply it, and the hostile node do away with its rules."""
        self.lab.owners = {HOSTILE: OWN[0]} if restricted else {}
        self.lab.push()
        for guest in self.lab.guests:
            guest.configure()
        self.hostile.kill_agent()
        self.hostile.namespace.run("nft", "flush", "ruleset")
        assert self.hostile.rule_count() == 0

    def forge(self, source: str, target: Guest) -> bool:
        """Whether the target gets what the hostile node sends in the name of another."""
        before = received(target)
        self.hostile.namespace.run(sys.executable, "-I", "-S", "-c", FORGE, source, target.address)
        # What was sent before this, by the same way, has arrived by then, if ever.
        assert self.own.reaches(self.near)
        assert received(target) in (before, before + 3)
        return received(target) > before

    def arriving(self, target: Guest) -> set[str]:
        """The kinds of forged sources, all of the other tenant's segment, with which something gets to a target."""
        friend = self.beyond if target is self.victim else self.victim
        sources = {"of its own prefix": "10.0.34.3", "of the peer's prefix": "10.1.34.99",
                   "of the third host's prefix": "10.2.34.99", "of an endpoint": friend.address,
                   "of no host's prefix": "10.9.34.3"}  # fmt: skip
        assert sources.keys() == EVERY_KIND
        return {kind for kind, source in sources.items() if self.forge(source, target)}


@pytest.fixture
def network(make_lab: Callable[[int], Lab]) -> Network:
    """With everything plugged in, not begun."""
    return Network(make_lab(3))


@contextmanager
def through(node: Node, prefix: str, hop: Node) -> Iterator[None]:
    """Have a node send what is for a prefix to another node than its own."""
    node.namespace.run("ip", "route", "replace", prefix, "via", hop.address, "proto", "82")
    yield
    node.namespace.run("ip", "route", "replace", prefix, "via", node.lab.nodes[THIRD].address, "proto", "82")


def test_forged_sources_reach_no_other_tenant_on_a_peer(network: Network) -> None:
    network.begin(restricted=False)
    # Everybody's host is trusted; but nobody comes from outside, by an interface that is no real device, who is inside.
    assert network.arriving(network.victim) == EVERY_KIND - {"of the peer's prefix"}
    network.begin(restricted=True)
    assert network.arriving(network.victim) == set()


def test_a_peer_that_is_asked_to_forward_forwards_no_other_tenants_packets(network: Network) -> None:
    peer, third = network.lab.nodes[PEER], network.lab.nodes[THIRD]
    for restricted in (False, True):
        network.begin(restricted=restricted)
        with through(network.hostile, third.prefix, peer):
            arrived = network.arriving(network.beyond)
        inside = {"of an endpoint", "of the peer's prefix", "of the third host's prefix"}  # of one of the two
        assert arrived == (set() if restricted else EVERY_KIND - inside)


def test_what_the_owner_may_do_its_host_may_do(network: Network) -> None:
    network.begin(restricted=True)
    own, near, far, victim, beyond = network.own, network.near, network.far, network.victim, network.beyond
    leased(near, far, victim, beyond)
    for one in (near, far):
        assert own.reaches(one)
        assert one.reaches(own)
    assert near.reaches(far)
    assert victim.reaches(beyond)
    assert beyond.reaches(victim)
    assert not own.reaches(victim)
    assert not victim.reaches(own)
    for port in (80, 81):
        victim.listen(port)
    network.lab.allow(OWN, OTHER, "tcp", [(80, 80)])
    network.begin(restricted=True)
    assert own.tcp(victim, 80)  # a policy of the owner's
    assert not own.tcp(victim, 81)


@contextmanager
def counted(node: Node, hook: str, match: str) -> Iterator[Callable[[], int]]:
    """Count what a node gets; gives a function that tells how many packets that were."""
    node.namespace.run(
        "nft", f"table ip spy {{ chain counted {{ type filter hook {hook} priority 0; {match} counter; }}; }}"
    )

    def count() -> int:
        listed = node.namespace.json("nft", "-j", "list", "table", "ip", "spy")["nftables"]
        (rule,) = (entry["rule"] for entry in listed if "rule" in entry)
        return next(int(item["counter"]["packets"]) for item in rule["expr"] if "counter" in item)

    yield count
    node.namespace.run("nft", "delete", "table", "ip", "spy")


def test_nothing_of_another_tenant_goes_to_a_restricted_host(network: Network) -> None:
    for restricted in (False, True):
        network.begin(restricted=restricted)
        with counted(network.hostile, "prerouting", f"ip saddr {network.victim.address}") as count:
            network.victim.reaches("10.0.34.3")  # as if the other tenant had an endpoint there
            assert bool(count()) != restricted


def test_the_services_of_a_peer_see_no_forged_source(network: Network) -> None:
    node = network.lab.nodes[PEER]
    forged = ["10.0.34.3", network.beyond.address, "10.1.34.99", "10.9.34.3"]
    for restricted in (False, True):
        network.begin(restricted=restricted)
        for source in (network.own.address, *forged):
            with counted(node, "input", f"ip saddr {source}") as count:
                network.hostile.namespace.run(sys.executable, "-I", "-S", "-c", FORGE, source, node.address)
                assert network.own.reaches(network.near)
                assert bool(count()) != (restricted and source in forged), source


def test_nothing_notices_who_forges_the_mac_of_another_host(network: Network) -> None:
    network.begin(restricted=True)
    third = network.lab.nodes[THIRD]
    mac = third.mac()
    third.namespace.run("ip", "link", "set", "eth0", "down")  # else the switch would learn it back and forth
    network.hostile.namespace.run("ip", "link", "set", "eth0", "address", mac)
    before = received(network.victim)
    command = (sys.executable, "-I", "-S", "-c", FORGE, network.beyond.address, network.victim.address)
    network.hostile.namespace.run(*command)
    until(lambda: received(network.victim) == before + 3, "what only a switch can stop arrives")


def test_behind_routers_only_the_hosts_own_prefix_is_judged(network: Network) -> None:
    peer = network.lab.nodes[PEER]
    peer.routers = True
    peer.configure()
    network.begin(restricted=True)
    assert network.arriving(network.victim) == {"of the third host's prefix", "of an endpoint"}


def test_number_of_rules_is_the_same_with_one_restricted_host_and_more(make_lab: Callable[[int], Lab]) -> None:
    lab = make_lab(3)
    lab.push()
    peer = lab.nodes[PEER]
    without = peer.rule_count()
    for owners in ({HOSTILE: 1}, {HOSTILE: 1, THIRD: 2}):
        lab.owners = owners
        lab.push()
        assert len(peer.set_elements("senders")) == 2
        assert len(peer.set_elements("owned")) == len(owners)
        assert [node.rule_count() for node in lab.nodes] == [without + 6] * 3
    lab.owners = {}
    lab.push()
    assert peer.rule_count() == without


def test_tampering_with_the_rules_at_a_peer_is_repaired(network: Network) -> None:
    network.begin(restricted=True)
    node = network.lab.nodes[PEER]
    before = ruleset(node)
    mac = network.hostile.mac()
    for command in (
        "flush chain inet romana sender",
        "insert rule inet romana sender accept",
        f"add element inet romana senders {{ 10.2.0.0 . {mac} }}",
        f"delete element inet romana senders {{ 10.0.16.0 . {mac} }}",
        "flush set inet romana owned",
        "flush ruleset",
    ):
        node.namespace.run("nft", command)
        until(lambda: ruleset(node) == before, f"repaired: {command}")
        assert network.own.reaches(network.near), command
        assert not network.forge("10.2.34.99", network.victim), command
    node.remove_agent()
    assert node.rule_count() == 0


@pytest.fixture
def server(make_lab: Callable[[int], Lab]) -> Iterator[LabServer]:
    """A server and three nodes whose agents follow it."""
    server = LabServer(make_lab(3))
    try:
        for node in server.lab.nodes:
            node.start_agent()
        yield server
    finally:
        server.close()


def test_peers_learn_from_the_server_who_is_who(server: LabServer) -> None:
    nodes = server.lab.nodes
    peer = nodes[PEER]

    def senders() -> set[tuple[str, str]]:
        listed = peer.namespace.json("nft", "-j", "list", "ruleset")["nftables"]
        sets = [item["set"] for item in listed if item.get("set", {}).get("name") == "senders"]
        return {tuple(element["concat"]) for item in sets for element in item.get("elem", [])}

    server.ask(lambda client: client.create_tenant(TenantCreate(name="other")))
    server.ask(lambda client: client.update_host(nodes[HOSTILE].name, HostUpdate(owner="admin")))
    until(lambda: senders() == {("10.0.16.0", nodes[HOSTILE].mac()), ("10.2.0.0", nodes[THIRD].mac())}, "told of both")
    nodes[THIRD].namespace.run("ip", "link", "set", "eth0", "address", "fa:16:3e:77:77:77")
    until(lambda: ("10.2.0.0", "fa:16:3e:77:77:77") in senders(), "told of another MAC")
    server.ask(lambda client: client.update_host(nodes[HOSTILE].name, HostUpdate(owner="other")))
    until(lambda: ("10.0.32.0", nodes[HOSTILE].mac()) in senders(), "told of another owner")
    server.ask(lambda client: client.update_host(nodes[HOSTILE].name, HostUpdate(owner=None)))
    until(lambda: senders() == set(), "everybody's again")
