"""Bandwidth limits: what passes is bounded, who has none notices nothing, and a change disturbs nobody."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from agent_lab import Guest, Lab, Node, until
from server_lab import LabServer

from romana.models import Bandwidth, BandwidthLimit, EndpointUpdate

pytestmark = pytest.mark.root

SLOW = BandwidthLimit(rate=100)  # 12.5 kB in a second, and 64 KiB more at once
AT_ONCE = 64 * 1024  # bytes that pass at least
PORT = 7000
SIZE = 1400  # bytes of a datagram
MANY = 10_000  # datagrams: 14 MB, which take the slow ones a quarter of an hour
SEND = """
import socket, sys
channel = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(int(sys.argv[4])):
    try:
        channel.sendto(bytes(int(sys.argv[3])), (sys.argv[1], int(sys.argv[2])))
    except PermissionError:  # a host is told when a packet of its own is dropped
        pass
"""
ECHO = """
import socket
listener = socket.create_server(("", 7000))
print("ready", flush=True)
channel, _ = listener.accept()
stream = channel.makefile("rwb")
while line := stream.readline():
    stream.write(stream.read(int(line)))
    stream.flush()
"""
ASK = """
import socket, sys
channel = socket.create_connection((sys.argv[1], 7000), timeout=60)
stream = channel.makefile("rwb")
print("ready", flush=True)
for line in sys.stdin:
    stream.write(line.encode() + bytes(int(line)))
    stream.flush()
    print("answered", len(stream.read(int(line))), flush=True)
"""


def plugged(lab: Lab, segment: int, **bandwidth: BandwidthLimit) -> Guest:
    guest = lab.guest(0, 1, segment)
    guest.bandwidth = Bandwidth(**bandwidth)
    return guest


def start(lab: Lab, *guests: Guest) -> None:
    lab.push()
    for guest in guests:
        guest.configure()


def received(guest: Guest) -> int:
    """Bytes that have come to a guest."""
    (link,) = guest.inside.json("ip", "-j", "-s", "link", "show", "eth0")
    return int(link["stats64"]["rx"]["bytes"])


def arrives(source: Guest | Node, target: Guest, count: int = MANY) -> int:
    """Bytes that come to a guest of that many datagrams."""
    inside = source.namespace if isinstance(source, Node) else source.inside
    assert inside is not None
    before = received(target)
    inside.run(sys.executable, "-I", "-S", "-c", SEND, target.address, str(PORT), str(SIZE), str(count))
    return received(target) - before


def program(guest: Guest, code: str, *arguments: str) -> subprocess.Popen[str]:
    """A Python program in a guest that is ready."""
    argv = guest.inside.command(sys.executable, "-I", "-S", "-c", code, *arguments)
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    guest.node.lab.processes.append(process)  # type: ignore[arg-type]
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def is_answered(process: subprocess.Popen[str], size: int) -> bool:
    """Whether so many bytes go there and back by a connection."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{size}\n")
    process.stdin.flush()
    return process.stdout.readline() == f"answered {size}\n"


def limits(node: Node) -> dict[str, int]:
    """Handles of the limits that a node has, by their names."""
    listed = node.namespace.json("nft", "--json", "list", "limits")["nftables"]
    return {item["limit"]["name"]: item["limit"]["handle"] for item in listed if "limit" in item}


def test_what_a_limited_guest_sends_and_gets_is_bounded(make_lab: Callable[[int], Lab]) -> None:
    lab = make_lab(1)
    free, other = plugged(lab, 1), plugged(lab, 1)
    sender = plugged(lab, 1, egress=SLOW)
    target, hosts_own = plugged(lab, 1, ingress=SLOW), plugged(lab, 1, ingress=SLOW)
    start(lab, *lab.guests)
    everything = arrives(free, other)
    assert everything >= MANY * SIZE * 0.9
    for source, to in ((sender, other), (free, target), (lab.nodes[0], hosts_own)):
        assert AT_ONCE <= arrives(source, to) <= everything / 4
    for source, to in ((free, sender), (target, other)):  # the other direction has no limit
        assert arrives(source, to) >= everything * 0.9


def test_what_is_sent_from_lent_addresses_counts_too(make_lab: Callable[[int], Lab]) -> None:
    lab = make_lab(1)
    sender, target = plugged(lab, 1, egress=SLOW), plugged(lab, 1)
    sender.permissions = sender.permissions.model_copy(update={"port_security": False})
    lab.allow("0.0.0.0/0", (1, 1))
    start(lab, sender, target)
    sender.inside.run("ip", "addr", "replace", "192.0.2.7/32", "dev", "eth0")
    sender.inside.run("ip", "route", "replace", target.address, "via", sender.node.gateway, "src", "192.0.2.7")
    assert AT_ONCE <= arrives(sender, target) <= MANY * SIZE / 4


def test_what_may_not_pass_takes_nothing_of_a_limit(make_lab: Callable[[int], Lab]) -> None:
    lab = make_lab(1)
    stranger, mate, target = plugged(lab, 2), plugged(lab, 1), plugged(lab, 1, ingress=SLOW)
    start(lab, stranger, mate, target)
    assert arrives(stranger, target) < SIZE
    count = AT_ONCE // 2 // SIZE
    assert arrives(mate, target, count) >= count * SIZE


def test_a_connection_lives_with_a_limit(make_lab: Callable[[int], Lab]) -> None:
    lab = make_lab(1)
    fast = BandwidthLimit(rate=80_000)
    source, target = plugged(lab, 1, egress=fast, ingress=fast), plugged(lab, 1)
    start(lab, source, target)
    program(target, ECHO)
    # Much more than passes at once, in packets that are cut into frames later.
    assert is_answered(program(source, ASK, target.address), 40_000_000)


@pytest.fixture
def server(make_lab: Callable[[int], Lab]) -> Iterator[LabServer]:
    """A server and a node whose agent follows it."""
    server = LabServer(make_lab(1))
    try:
        server.lab.nodes[0].start_agent()
        yield server
    finally:
        server.close()


def give(server: LabServer, guest: Guest, **bandwidth: BandwidthLimit) -> None:
    update = EndpointUpdate(bandwidth=Bandwidth(**bandwidth))
    server.ask(lambda client: client.update_endpoint(guest.id, update))


def is_limited_to(guest: Guest, *names: str) -> None:
    """Wait until those are a guest's limits."""
    until(
        lambda: {name for name in limits(guest.node) if guest.interface in name} == set(names),
        f"{guest.interface} has the limits {names}",
    )


def test_a_change_disturbs_no_connection_and_no_other_limit(server: LabServer) -> None:
    source, target, other = (server.guest(0, "s1") for _ in range(3))
    for guest in (source, target, other):
        guest.plug()
        guest.configure()
    node, tap = source.node, source.interface
    give(server, other, egress=SLOW, ingress=SLOW)
    is_limited_to(other, *(f"{way}-{other.interface}-12500-65536" for way in ("egress", "ingress")))
    before = limits(node)
    program(target, ECHO)
    connection = program(source, ASK, target.address)
    for rate, burst in ((8000, 0), (80_000, 800_000), (80_000, 0)):
        limit = BandwidthLimit(rate=rate, burst=burst)
        give(server, source, egress=limit, ingress=limit)
        size = f"{rate * 125}-{max(burst * 125, AT_ONCE)}"
        is_limited_to(source, f"egress-{tap}-{size}", f"ingress-{tap}-{size}")
        assert is_answered(connection, AT_ONCE)
        assert limits(node).items() >= before.items()
    give(server, source)
    is_limited_to(source)
    assert is_answered(connection, AT_ONCE)
    assert limits(node) == before


def test_limits_outlive_the_agent_and_go_with_the_endpoint(server: LabServer) -> None:
    guest = server.guest(0, "s1")
    guest.plug()
    give(server, guest, ingress=SLOW)
    name = f"ingress-{guest.interface}-12500-65536"
    is_limited_to(guest, name)
    before = limits(guest.node)
    for number in (signal.SIGTERM, signal.SIGKILL):
        guest.node.kill_agent(number)
        guest.node.start_agent()
        assert limits(guest.node) == before
    where = "inet romana ingress_limits"
    for tampering in (
        f"delete element {where} {{ {guest.interface} : {name} }}",
        f"flush map {where}; delete limit inet romana {name}",
        f"flush map {where}; delete limit inet romana {name};"
        f" add limit inet romana {name} {{ rate over 1 mbytes/second; }}; add element {where} {{ {guest.interface} :"
        f" {name} }}",
    ):
        guest.node.namespace.run("nft", tampering)
        until(lambda: is_in_force(guest, name), f"repaired: {tampering}")
    server.ask(lambda client: client.delete_endpoint(guest.id))
    until(lambda: limits(guest.node) == {}, "its limit is gone")


def is_in_force(guest: Guest, name: str) -> bool:
    table = " ".join(guest.node.namespace.run("nft", "list", "table", "inet", "romana").split())
    return (
        f"limit {name} {{ rate over 12500 bytes/second burst 64 kbytes }}" in table
        and f'elements = {{ "{guest.interface}" : "{name}" }}' in table
    )
