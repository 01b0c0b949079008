"""Who reaches whom: real agents, a real kernel, real leases."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
from agent_lab import Guest, Lab, discover, offered, tcp_connects, until
from starting import SOURCES

pytestmark = pytest.mark.root

S1, S2, OTHER_TENANT = (1, 2), (1, 3), (2, 2)


def leased(*guests: Guest) -> None:
    for guest in guests:
        assert guest.lease() == f"{guest.address}/16 {guest.node.gateway}"


def trace(guest: Guest, target: Guest) -> list[str]:
    """The hops of a traceroute; '*' for one that does not answer."""
    said = guest.inside.run("busybox", "traceroute", "-n", "-q", "1", "-w", "1", "-m", "5", target.address)
    return [line.split()[1] for line in said.splitlines() if line.strip()[:1].isdigit()]


def test_one_segment_reaches_itself_and_nothing_else(make_lab: Callable[[int], Lab]) -> None:
    lab = make_lab(2)
    a, neighbour, remote = lab.guest(0, *S1), lab.guest(0, *S1), lab.guest(1, *S1)
    others = [lab.guest(0, *S2), lab.guest(1, *S2), lab.guest(0, *OTHER_TENANT), lab.guest(1, *OTHER_TENANT)]
    lab.push()
    leased(a, neighbour, remote, *others)
    assert a.reaches(neighbour)
    assert a.reaches(remote)
    assert remote.reaches(a)
    assert not any(a.reaches(other) or other.reaches(a) for other in others)
    assert trace(a, neighbour) == ["10.0.0.1", neighbour.address]
    assert trace(a, remote) == ["10.0.0.1", "*", remote.address]


def test_route_tables_have_the_shape_users_know(make_lab: Callable[[int], Lab]) -> None:
    lab = make_lab(3)
    guest = lab.guest(0, *S1)
    lab.push()
    assert guest.address == "10.0.18.3"
    assert lab.nodes[0].routes() == {
        "default via 192.168.99.1",
        "10.0.0.0/16 dev romana-gw",
        "10.1.0.0/16 via 192.168.99.11",
        "10.2.0.0/16 via 192.168.99.12",
        f"10.0.18.3 dev {guest.interface}",
        "192.168.99.0/24 dev eth0",
    }
    assert "10.0.0.0/16 via 192.168.99.10" in lab.nodes[1].routes()


def test_node_reaches_its_guests_and_guests_only_its_gateway(make_lab: Callable[[int], Lab]) -> None:
    lab = make_lab(2)
    guest = lab.guest(0, *S1)
    lab.push()
    leased(guest)
    guest.listen(22)
    node = lab.nodes[0]
    assert tcp_connects(node.namespace, guest.address, 22)
    assert guest.reaches(node.gateway)
    server = subprocess.Popen(node.namespace.command("busybox", "nc", "-ll", "-p", "8080", "-e", "/bin/true"))
    lab.processes.append(server)
    until(lambda: ":8080 " in node.namespace.run("ss", "-Hltn"), "the node listens")
    assert tcp_connects(node.namespace, node.gateway, 8080)
    assert not guest.tcp(node.gateway, 8080)
    assert not guest.tcp(node.address, 8080)
    assert not guest.reaches(lab.nodes[1].address)
    assert not tcp_connects(lab.nodes[1].namespace, guest.address, 22)


def test_policy_opens_what_it_says_and_closes_again(make_lab: Callable[[int], Lab]) -> None:
    lab = make_lab(2)
    client, server, local = lab.guest(0, *S1), lab.guest(1, *S2), lab.guest(0, *S2)
    for port in (80, 81, 8005):
        for guest in (server, local):
            guest.listen(port)
    lab.push()
    leased(client, server, local)
    assert not client.tcp(server, 80)
    lab.allow(S1, S2, "tcp", [(80, 80), (8000, 8010)])
    lab.push()
    for target in (server, local):
        assert client.tcp(target, 80)
        assert client.tcp(target, 8005)
        assert not client.tcp(target, 81)
        assert not client.reaches(target)
    client.listen(80)
    assert not server.tcp(client, 80)
    lab.allow(S1, S2, "icmp")
    lab.push()
    assert client.reaches(server)
    assert not server.reaches(client)
    lab.rules.clear()
    lab.push()
    assert not client.tcp(server, 80)
    assert not client.reaches(server)


def test_policy_for_everything_has_one_direction(make_lab: Callable[[int], Lab]) -> None:
    lab = make_lab(2)
    source, target = lab.guest(0, *S1), lab.guest(1, *OTHER_TENANT)
    lab.allow(S1, OTHER_TENANT)
    lab.push()
    leased(source, target)
    for guest in (source, target):
        guest.listen(80)
    assert source.reaches(target)
    assert source.tcp(target, 80)
    assert not target.reaches(source)
    assert not target.tcp(source, 80)
    # closed traceroute: the target's own answer passes, other hosts' still do not
    assert trace(source, target) == ["10.0.0.1", "*", target.address]


def test_closed_policy_ends_the_connection_it_let_in(make_lab: Callable[[int], Lab]) -> None:
    lab = make_lab(1)
    client, server = lab.guest(0, *S1), lab.guest(0, *S2)
    lab.allow(S1, S2, "tcp", [(7, 7)])
    lab.push()
    leased(client, server)
    echo = subprocess.Popen(server.inside.command("busybox", "nc", "-ll", "-p", "7", "-e", "/bin/cat"))
    lab.processes.append(echo)
    until(lambda: ":7 " in server.inside.run("ss", "-Hltn"), "the echo server listens")
    program = (
        "import socket, sys\n"
        f"s = socket.create_connection(('{server.address}', 7), 5); s.settimeout(1)\n"
        "for line in sys.stdin:\n"
        "    try:\n"
        "        s.sendall(b'x'); print(s.recv(1).decode(), flush=True)\n"
        "    except TimeoutError: print('-', flush=True)\n"
    )
    held = subprocess.Popen(
        client.inside.command(sys.executable, "-c", program),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": str(SOURCES)},
    )  # fmt: skip
    lab.processes.append(held)  # type: ignore[arg-type]

    def echoes() -> str:
        assert held.stdin is not None
        assert held.stdout is not None
        held.stdin.write("\n")
        held.stdin.flush()
        return held.stdout.readline().strip()

    assert echoes() == "x"
    lab.rules.clear()
    lab.push()
    assert echoes() == "-"


def test_policy_with_a_cidr_opens_to_the_world_outside(make_lab: Callable[[int], Lab]) -> None:
    lab = make_lab(2)
    server, stranger = lab.guest(0, *S1), lab.guest(0, *S2)
    outside = lab.nodes[1]  # on the hosts' network; it has a route to the guests
    lab.push()
    leased(server, stranger)
    server.listen(80)
    assert not tcp_connects(outside.namespace, server.address, 80)
    lab.allow("192.168.99.0/24", S1, "tcp", [(80, 80)])
    lab.allow("0.0.0.0/0", S1, "tcp", [(79, 80)])
    lab.push()
    assert tcp_connects(outside.namespace, server.address, 80)
    assert not stranger.tcp(server, 80)  # a CIDR speaks of addresses outside the plan only
    listener = subprocess.Popen(outside.namespace.command("busybox", "nc", "-ll", "-p", "81", "-e", "/bin/true"))
    lab.processes.append(listener)
    until(lambda: ":81 " in outside.namespace.run("ss", "-Hltn"), "the outside listens")
    assert not server.tcp(outside.address, 81)
    lab.allow(S1, f"{outside.address}/32", "tcp", [(81, 81)])
    lab.push()
    assert server.tcp(outside.address, 81)
    assert not stranger.tcp(outside.address, 81)
    assert not server.reaches(outside.address)


def test_number_of_rules_is_the_same_with_1_and_4000_pairs(make_lab: Callable[[int], Lab]) -> None:
    lab = make_lab(1)
    node = lab.nodes[0]
    lab.segments = [S1]
    guests = [lab.guest(0, *S1), lab.guest(0, *S1)]
    lab.push()
    leased(*guests)
    assert len(node.set_elements("pairs")) == 1
    few = node.rule_count()
    plan = lab.state(node).plan.address_plan()
    lab.segments = [(tenant, segment) for tenant in plan.tenants for segment in plan.segments]
    wanted = 4000 - len(lab.segments)
    others = [(a, b) for a in lab.segments for b in lab.segments if a != b]
    for source, target in others[:wanted]:
        lab.allow(source, target)
    lab.push()
    assert len(node.set_elements("pairs")) == 4000
    assert node.rule_count() == few
    assert guests[0].reaches(guests[1])


@pytest.mark.parametrize("what", ["address", "mac"])
def test_spoofed_source_goes_nowhere(make_lab: Callable[[int], Lab], what: str) -> None:
    lab = make_lab(2)
    guest, victim, local, remote = lab.guest(0, *S1), lab.guest(0, *S2), lab.guest(0, *S1), lab.guest(1, *S1)
    lab.push()
    leased(guest, victim, local, remote)
    # rp_filter would stop a wrong address, and ARP a wrong MAC; here the firewall has to do it alone
    node = lab.nodes[0]
    node.kill_agent()
    node.sysctl(f"net/ipv4/conf/{guest.interface}/rp_filter", "0")
    node.namespace.run("nft", "delete", "table", "arp", "romana")
    (tap,) = node.namespace.json("ip", "-j", "link", "show", guest.interface)
    guest.inside.run("ip", "neigh", "replace", node.gateway, "lladdr", tap["address"], "dev", "eth0")
    for target in (local, remote):
        guest.inside.run("ip", "route", "replace", target.address, "via", node.gateway)

    def arrives(source: str) -> list[bool]:
        guest.inside.run("ip", "addr", "replace", f"{source}/16", "dev", "eth0")
        result = []
        for target in (local, remote):
            before = received(target)
            guest.inside.run("busybox", "ping", "-c", "2", "-W", "1", "-I", source, target.address, check=False)
            result.append(received(target) > before)
        return result

    assert arrives(guest.address) == [True, True]
    if what == "mac":
        guest.inside.run("ip", "link", "set", "eth0", "address", "fa:16:3e:99:99:99")
        assert arrives(guest.address) == [False, False]
    else:
        for source in ("10.0.18.200", "10.1.18.200", victim.address, "192.168.99.77"):
            assert arrives(source) == [False, False], source


def received(guest: Guest) -> int:
    """How many ICMP messages came in."""
    lines = [
        line.split() for line in guest.inside.run("cat", "/proc/net/snmp").splitlines() if line.startswith("Icmp:")
    ]
    return int(lines[1][lines[0].index("InMsgs")])


def test_guest_cannot_fill_the_neighbour_table_or_use_ipv6(make_lab: Callable[[int], Lab]) -> None:
    lab = make_lab(1)
    guest = lab.guest(0, *S1)
    lab.push()
    leased(guest)
    node = lab.nodes[0]
    guest.inside.run("ip", "addr", "add", "10.0.18.99/16", "dev", "eth0")
    guest.inside.run(
        "busybox", "arping", "-c", "1", "-w", "1", "-s", "10.0.18.99", "-I", "eth0", node.gateway, check=False
    )
    assert "10.0.18.99" not in node.namespace.run("ip", "neigh")
    assert node.namespace.json("ip", "-j", "-6", "addr", "show", "dev", guest.interface) in ([], [{}])


def test_guest_gets_no_lease_in_the_name_of_another(make_lab: Callable[[int], Lab]) -> None:
    lab = make_lab(1)
    guest, victim = lab.guest(0, *S1), lab.guest(0, *S2)
    lab.push()
    program = (
        "import socket, sys\n"
        "s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0x0300); s.bind(('eth0', 0x0003)); s.settimeout(2)\n"
        "s.send(bytes.fromhex(sys.argv[1]))\n"
        "try:\n"
        "    while True: print(s.recv(2048).hex(), flush=True)\n"
        "except TimeoutError: pass\n"
    )

    def offers(frame: bytes) -> set[str]:
        heard = guest.inside.run(sys.executable, "-c", program, frame.hex()).split()
        return {address for text in heard if (address := offered(bytes.fromhex(text)))}

    assert offers(discover(guest.mac)) == {guest.address}
    assert offers(discover(guest.mac, victim.mac)) == set()
    assert offers(discover(victim.mac)) == set()
