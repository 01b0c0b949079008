"""What is ours is repaired, what is the user's is left alone, and traffic goes on meanwhile."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable

import pytest
from agent_lab import Lab, Node, until
from pinger import Pinger

pytestmark = pytest.mark.root

S1, S2 = (1, 2), (1, 3)


@pytest.fixture
def lab(make_lab: Callable[[int], Lab]) -> Lab:
    """Two nodes, a guest on each, and one of another segment; all have their lease."""
    lab = make_lab(2)
    guests = [lab.guest(0, *S1), lab.guest(1, *S1), lab.guest(0, *S2)]
    lab.push()
    for guest in guests:
        assert guest.lease()
    assert guests[0].reaches(guests[1])
    return lab


def ruleset(node: Node) -> str:
    """All rules and elements; handles and the order of elements differ from one table to the next."""
    words = node.namespace.run("nft", "list", "ruleset").replace(",", " ").split()
    return " ".join(sorted(words))


TAMPERINGS = {
    "peer route": "ip route del 10.1.0.0/16",
    "endpoint route": "ip route del 10.0.18.3/32",
    "endpoint route changed": "ip route replace 10.0.18.3/32 dev {tap} proto 82",
    "prefix route": "ip route del 10.0.0.0/16",
    "gateway address": "ip addr del 10.0.0.1/16 dev romana-gw",
    "gateway down": "ip link set romana-gw down",
    "gateway": "ip link del romana-gw",
    "tap down and up": "ip link set {tap} down; ip link set {tap} up",
    "neighbour": "ip neigh del 10.0.18.3 dev {tap}",
    "table": "nft delete table inet romana",
    "arp table": "nft delete table arp romana",
    "ruleset": "nft flush ruleset",
    "chain": "nft flush chain inet romana deliver",
    "added rule": "nft insert rule inet romana forward accept",
    "added chain": "nft add chain inet romana mine",
    "element gone": "nft delete element inet romana pairs '{{ 10.0.18.0 . 10.0.18.0 }}'",
    "element added": "nft add element inet romana pairs '{{ 10.0.18.0 . 10.0.19.0 }}'",
    "tap out of the set": "nft delete element inet romana taps '{{ {tap} }}'",
    "ip_forward": "echo 0 > /proc/sys/net/ipv4/ip_forward",
    "proxy_arp": "echo 0 > /proc/sys/net/ipv4/conf/{tap}/proxy_arp",
    "rp_filter": "echo 0 > /proc/sys/net/ipv4/conf/{tap}/rp_filter",
    "disable_ipv6": "echo 0 > /proc/sys/net/ipv6/conf/{tap}/disable_ipv6",
}


def test_tampering_is_repaired(lab: Lab) -> None:
    node, guest, peer = lab.nodes[0], lab.guests[0], lab.guests[1]
    tap = guest.interface
    parameters = ["net/ipv4/ip_forward", f"net/ipv4/conf/{tap}/proxy_arp", f"net/ipv4/conf/{tap}/rp_filter",
                  f"net/ipv6/conf/{tap}/disable_ipv6", f"net/ipv4/neigh/{tap}/proxy_delay"]  # fmt: skip

    def picture() -> tuple[object, ...]:
        neighbours = "permanent" in node.namespace.run("ip", "neigh", "show", guest.address)
        gateway = node.namespace.run("sh", "-c", "ip -4 -br addr show romana-gw || true")  # it may be gone just now
        return (node.routes(), gateway.split()[2:],
                ruleset(node), [node.sysctl(path) for path in parameters], neighbours)  # fmt: skip

    before = picture()
    for name, command in TAMPERINGS.items():
        node.namespace.run("sh", "-c", command.format(tap=tap))
        until(lambda: picture() == before, f"repaired: {name}")
        assert guest.reaches(peer), name


def test_what_is_the_users_is_not_touched(lab: Lab) -> None:
    node = lab.nodes[0]
    for command in (
        "ip link add mine type bridge", "ip link set mine up", "ip addr add 172.30.0.1/24 dev mine",
        "ip addr add 10.99.0.1/32 dev romana-gw", "ip tuntap add tapmine mode tap", "ip link set tapmine up",
        "ip route add 172.31.0.0/16 via 192.168.99.1", "ip route add 10.200.0.0/16 dev mine",
        "ip rule add pref 77 lookup 77",
        "ip route add 10.1.0.0/16 via 192.168.99.1 table 77",
        "nft add table inet mine", "nft add chain inet mine c '{ type filter hook forward priority 5; }'",
        "nft add rule inet mine c ip saddr 203.0.113.7 drop",
        "sysctl -qw net.ipv4.conf.tapmine.proxy_arp=0 net.ipv4.conf.all.rp_filter=2 net.ipv4.conf.eth0.rp_filter=2",
    ):  # fmt: skip
        node.namespace.run("sh", "-c", command)

    def users() -> list[str]:
        show = ("ip link show mine", "ip -d link show tapmine", "ip -4 addr show mine", "ip -4 addr show tapmine",
                "ip -4 addr show romana-gw", "ip route show 172.31.0.0/16", "ip route show 10.200.0.0/16", "ip rule",
                "ip route show table 77", "nft list table inet mine", "sysctl net.ipv4.conf.tapmine net.ipv4.conf.all",
                "sysctl net.ipv4.conf.eth0")  # fmt: skip
        return [node.namespace.run("sh", "-c", command) for command in show]

    before = users()
    guest = lab.guest(0, *S1)
    lab.allow(S1, S2)
    lab.push()
    assert guest.lease()
    node.kill_agent()
    node.start_agent()
    assert users() == before


def test_route_of_the_user_for_a_peers_prefix_stays(make_lab: Callable[[int], Lab]) -> None:
    lab = make_lab(2)
    node = lab.nodes[0]
    node.namespace.run("ip", "route", "add", "10.1.0.0/16", "via", "192.168.99.1", "proto", "static")
    lab.push()
    assert "10.1.0.0/16 via 192.168.99.1" in node.routes()
    assert "remove it if it is not wanted: ip route del 10.1.0.0/16 via 192.168.99.1 dev eth0" in node.log.read_text()
    node.namespace.run("ip", "route", "del", "10.1.0.0/16")
    until(lambda: "10.1.0.0/16 via 192.168.99.11" in node.routes(), "ours takes its place")


def test_nothing_is_lost_while_agent_and_dnsmasq_are_killed(lab: Lab) -> None:
    node, guest, peer, client = lab.nodes[0], *lab.guests
    pinger = Pinger(guest, peer)
    served = node.dnsmasqs()
    assert len(served) == 1
    node.kill_agent(signal.SIGKILL)
    assert node.dnsmasqs() == served  # it outlives the agent
    node.start_agent()
    assert node.dnsmasqs() == served  # and is taken over, not doubled
    assert client.lease()
    os.kill(served[0], signal.SIGKILL)
    until(lambda: node.dnsmasqs() not in ([], served), "another dnsmasq runs")
    assert client.lease()
    node.kill_agent(signal.SIGKILL)
    node.stop_dnsmasq()
    node.start_agent()
    until(lambda: len(node.dnsmasqs()) == 1, "the next agent starts it")
    node.kill_agent(signal.SIGTERM)
    node.start_agent()
    sent, lost = pinger.losses()
    assert sent > 10
    assert lost == 0


def test_many_restarts_and_changes_lose_nothing(lab: Lab) -> None:
    pinger = Pinger(lab.guests[0], lab.guests[1])
    for _ in range(3):
        lab.guest(0, *S1)
        lab.allow(S1, (2, 1), "tcp", [(80, 90)])
        lab.push()
        lab.rules.clear()
        lab.push()
    sent, lost = pinger.losses()
    assert sent > 10
    assert lost == 0


def test_agent_that_died_between_two_dnsmasqs_leaves_one(lab: Lab) -> None:
    node = lab.nodes[0]
    node.kill_agent()
    other = node.run_dir / "dnsmasq-0000000000000000.conf"
    other.write_text(next(node.run_dir.glob("dnsmasq-*.conf")).read_text())
    node.namespace.run("dnsmasq", f"--conf-file={other}", f"--pid-file={other.with_suffix('.pid')}")
    assert len(node.dnsmasqs()) == 2
    node.start_agent()
    until(lambda: len(node.dnsmasqs()) == 1, "one dnsmasq")
    assert not other.exists()
    assert lab.guests[0].lease()


@pytest.mark.parametrize("pattern", ["dnsmasq-*", "*.conf", "*.pid"])
def test_a_dnsmasq_whose_files_are_gone_is_replaced(lab: Lab, pattern: str) -> None:
    node = lab.nodes[0]
    (before,) = node.dnsmasqs()
    for file in node.run_dir.glob(pattern):
        file.unlink()
    guest = lab.guest(0, *S1)
    lab.push()
    assert guest.lease()
    until(lambda: before not in node.dnsmasqs(), "the one before is stopped")
    assert len(node.dnsmasqs()) == 1


def test_the_next_agent_takes_over_a_dnsmasq_whose_files_are_gone(lab: Lab) -> None:
    node = lab.nodes[0]
    before = node.dnsmasqs()
    files = sorted(node.run_dir.glob("dnsmasq-*"))
    node.kill_agent()
    shutil.rmtree(node.run_dir)
    node.start_agent()
    until(lambda: sorted(node.run_dir.glob("dnsmasq-*")) == files, "its files are there again")
    assert node.dnsmasqs() == before
    assert lab.guests[0].lease()
    shutil.rmtree(node.run_dir)
    node.remove_agent()
    assert node.dnsmasqs() == []
