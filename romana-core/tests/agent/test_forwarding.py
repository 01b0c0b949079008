"""Floating IPs whose ports lead to endpoints on several hosts, with real agents and packets."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress

import pytest
from agent_lab import Guest, Lab, Namespace, Node, run, until
from inside import inside
from outside_lab import Outside
from talk import PORT, Speaker, Talk, all_asked, all_seen, seen

from romana.models import Direction, GroupRule, Permissions

from .test_errors import asks
from .test_floating import proxies
from .test_strangers import connect

pytestmark = pytest.mark.root

OUTSIDE, NEIGHBOUR = "192.168.99.1", "192.168.99.2"
FLOATING, OTHER = "172.24.4.5", "172.24.4.6"
FIRST = 2200  # the port that leads to the Speaker on the first node; then come the others
UDP_FIRST, UDP_PORT = 5300, 53
BULK_FIRST, BULK_PORT = 2300, 7001
SIZE = 32 << 20  # bytes of a long transfer, each way
DATAGRAM = 20_000  # bytes: it is sent in fragments
ECHO_UDP = """
import socket, sys
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("", int(sys.argv[1])))
print("ready", flush=True)
while True:
    data, asker = udp.recvfrom(65535)
    udp.sendto(f"{asker[0]} {len(data)} ".encode() + data[32:], asker)
"""
BULK = """
import socket, sys, threading
def take(connection, size):
    while size > 0:
        got = len(connection.recv(1 << 16))
        if not got:
            sys.exit("it ended")
        size -= got
def give(connection, size):
    connection.sendall(bytes(size))
def both(connection, size):
    giving = threading.Thread(target=give, args=(connection, size))
    giving.start()
    take(connection, size)
    giving.join()
size = int(sys.argv[-1])
if sys.argv[1] == "serve":
    with socket.create_server(("", int(sys.argv[2]))) as server:
        print("ready", flush=True)
        while True:
            connection, _ = server.accept()
            threading.Thread(target=both, args=(connection, size), daemon=True).start()
connection = socket.create_connection((sys.argv[1], int(sys.argv[2])), 60)
both(connection, size)
print("all")
"""


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def lab(make_lab: Callable[[int], Lab], stack: ExitStack) -> Lab:
    """Three nodes; on each a guest that ports of the floating IP lead to, then on each one of another segment."""
    lab = make_lab(3)
    for node in lab.nodes:
        node.masquerade = True
        node.configure()
    for segment in (1, 2):
        for node in range(3):
            lab.guest(node, 1, segment)
        lab.allow((1, segment), "0.0.0.0/0")
    for number in range(3):
        lead(lab, FIRST + number, number)
        lab.forwarded[FLOATING, "udp", UDP_FIRST + number] = lab.guests[number], UDP_PORT
    lab.push()
    for guest in lab.guests:
        guest.configure()
        stack.enter_context(closing(Speaker(guest.inside)))
    return lab


@pytest.fixture
def outside(lab: Lab, stack: ExitStack) -> Outside:
    """The router of the nodes' network, where a Speaker listens."""
    outside = stack.enter_context(closing(Outside(lab, OUTSIDE)))
    stack.enter_context(closing(Speaker(outside)))
    return outside


def lead(lab: Lab, port: int, guest: int, address: str = FLOATING) -> None:
    """A TCP port of a floating IP leads to a guest's Speaker, by the guest's number."""
    lab.forwarded[address, "tcp", port] = lab.guests[guest], PORT


def serve(lab: Lab, guest: Guest, program: str, *arguments: str) -> None:
    """Run a program in a guest until the lab is closed."""
    argv = guest.inside.command(sys.executable, "-ISc", program, *arguments)
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    lab.processes.append(process)  # type: ignore[arg-type] # text or not, it ends alike
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"


def ask_udp(asker: Namespace, port: int, size: int = 100) -> str:
    """Whom a guest sees ask for a port of the floating IP, and how much it gets; empty when there is no answer."""
    with inside(asker.name):
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with udp:
        udp.settimeout(1)
        udp.connect((FLOATING, port))
        for _ in range(3):
            with suppress(OSError):
                udp.send(bytes(size))
                return " ".join(udp.recv(65535).decode().split(" ")[:2])
    return ""


def askers(lab: Lab, outside: Outside) -> list[tuple[Namespace, str]]:
    """Everybody who may ask, with the address that they are seen with."""
    return [
        (outside, OUTSIDE),
        *((node.namespace, node.address) for node in lab.nodes),
        *((guest.inside, guest.node.address) for guest in lab.guests),
    ]


def test_everybody_asks_each_port_and_is_seen_as_who_they_are_outside(lab: Lab, outside: Outside) -> None:
    for asker, address in askers(lab, outside):
        for number in range(3):
            assert seen(asker, FLOATING, FIRST + number) == address, (address, number)


def test_endpoints_that_leave_with_their_own_address_ask_each_port(lab: Lab, outside: Outside) -> None:
    """As with a floating IP of one endpoint, they are seen as the host that translates."""
    for node in lab.nodes:
        node.masquerade = False
        node.configure()
    lab.push()
    for guest in lab.guests:
        for number, asked in enumerate(lab.guests[:3]):
            translating = lab.nodes[0] if guest.node is lab.nodes[0] else asked.node
            assert seen(guest.inside, FLOATING, FIRST + number) == translating.address, (guest.id, number)
    assert [seen(outside, FLOATING, FIRST + number) for number in range(3)] == [OUTSIDE] * 3


def test_datagrams_get_there_and_back_whole_and_in_fragments(lab: Lab, outside: Outside) -> None:
    for guest in lab.guests[:3]:
        serve(lab, guest, ECHO_UDP, str(UDP_PORT))
    for asker, address in askers(lab, outside):
        for number in range(3):
            assert ask_udp(asker, UDP_FIRST + number) == f"{address} 100", (address, number)
            assert ask_udp(asker, UDP_FIRST + number, DATAGRAM) == f"{address} {DATAGRAM}", (address, number)


def test_long_transfers_arrive_both_ways(lab: Lab, outside: Outside) -> None:
    for number, guest in enumerate(lab.guests[:3]):
        serve(lab, guest, BULK, "serve", str(BULK_PORT), str(SIZE))
        lab.forwarded[FLOATING, "tcp", BULK_FIRST + number] = guest, BULK_PORT
    lab.push()
    for asker in (outside, *(guest.inside for guest in lab.guests[3:])):
        for number in range(3):
            argv = (sys.executable, "-ISc", BULK, FLOATING, str(BULK_FIRST + number), str(SIZE))
            assert asker.run(*argv, timeout=120) == "all\n", (asker.name, number)


def test_what_is_not_forwarded_is_silent(lab: Lab, outside: Outside) -> None:
    those = askers(lab, outside)
    assert all_seen((asker, FLOATING, FIRST + 3) for asker, _ in those) == [""] * len(those)
    assert not outside.reaches(FLOATING)
    for guest in lab.guests[:3]:  # nor is it what they go outside with
        assert seen(guest.inside, OUTSIDE) == guest.node.address


def test_one_host_answers_and_no_interface_has_it(lab: Lab, outside: Outside) -> None:
    assert [proxies(node) for node in lab.nodes] == [[FLOATING], [], []]
    assert f"{FLOATING} dev romana-gw" in lab.nodes[0].routes()
    assert not [node for node in lab.nodes[1:] if any(FLOATING in route for route in node.routes())]
    assert seen(outside, FLOATING, FIRST + 2) == OUTSIDE
    assert lab.nodes[0].mac() in outside.run("ip", "neigh", "show", FLOATING)
    assert not [node for node in lab.nodes if FLOATING in node.namespace.run("ip", "-4", "addr")]
    for node in lab.nodes:
        assert "command-line" not in node.log.read_text()
        assert node.errors() == []


@pytest.mark.parametrize("number", range(3))
def test_groups_judge_who_asks_and_the_endpoints_own_port(lab: Lab, outside: Outside, number: int) -> None:
    lab.guests[number].permissions = Permissions(groups=["g"])
    inside, own = lab.guests[3].inside, lab.nodes[0].address
    for ports, remote, lets_outside, lets_inside in (
        (str(PORT), f"{OUTSIDE}/32", True, False),
        (str(PORT), f"{own}/32" if number else f"{lab.guests[3].address}/32", False, True),
        (f"{FIRST}-{FIRST + 2}", "0.0.0.0/0", False, False),
    ):
        rule = {"direction": "ingress", "protocol": 6, "ports": ports, "remotes": [remote]}
        lab.groups["g"] = [GroupRule(direction=Direction.EGRESS), GroupRule.model_validate(rule)]
        lab.push()
        assert (seen(outside, FLOATING, FIRST + number) == OUTSIDE) == lets_outside
        assert (seen(inside, FLOATING, FIRST + number) == own) == lets_inside


@pytest.mark.usefixtures("outside")
def test_groups_and_policies_of_who_asks_judge_what_they_asked_for(lab: Lab) -> None:
    for guest in lab.guests[3:]:
        guest.permissions = Permissions(groups=["g"])
    for ports, lets in ((f"{FIRST}-{FIRST + 2}", True), (str(PORT), False)):
        rule = {"direction": "egress", "protocol": 6, "ports": ports, "remotes": [f"{FLOATING}/32"]}
        lab.groups["g"] = [GroupRule.model_validate(rule)]
        lab.push()
        assert answers(lab) == {lets}
    for guest in lab.guests[3:]:
        guest.permissions = Permissions()
    for low, high, lets in ((FIRST, FIRST + 2, True), (PORT, PORT, False)):
        lab.rules.clear()
        lab.allow((1, 2), f"{FLOATING}/32", "tcp", [(low, high)])
        lab.push()
        assert answers(lab) == {lets}


def answers(lab: Lab) -> set[bool]:
    """Whether those of the other segment get answers, from each node by each port."""
    asked = [(guest, number) for guest in lab.guests[3:] for number in range(3)]
    found = all_seen((guest.inside, FLOATING, FIRST + number) for guest, number in asked)
    return {one == guest.node.address for one, (guest, _) in zip(found, asked, strict=True)}


@pytest.mark.usefixtures("outside")
def test_errors_get_back_to_who_asked(lab: Lab) -> None:
    for asker in lab.guests[3:]:
        for number in range(3):
            assert asks(asker, FLOATING, UDP_FIRST + number) == "ConnectionRefusedError", (asker.id, number)


def test_a_router_behind_that_takes_less_is_heard_by_the_endpoint_on_whichever_host_it_is(
    lab: Lab, outside: Outside, stack: ExitStack
) -> None:
    far = stack.enter_context(closing(Namespace(lab.unique("f"))))
    run("ip", "link", "add", "far0", "netns", outside.name, "type", "veth", "peer", "eth0", "netns", far.name)
    outside.run("ip", "addr", "add", "198.51.100.1/24", "dev", "far0")
    outside.run("ip", "link", "set", "far0", "up")
    outside.run("ip", "route", "replace", "198.51.100.0/24", "dev", "far0", "mtu", "1000")
    far.run("ip", "addr", "add", "198.51.100.7/24", "dev", "eth0")
    far.run("ip", "link", "set", "eth0", "up")
    far.run("ip", "route", "add", "default", "via", "198.51.100.1")
    for number, guest in enumerate(lab.guests[:3]):
        serve(lab, guest, BULK, "serve", str(BULK_PORT), str(1 << 20))
        lab.forwarded[FLOATING, "tcp", BULK_FIRST + number] = guest, BULK_PORT
    lab.push()
    for number in range(3):
        argv = (sys.executable, "-ISc", BULK, FLOATING, str(BULK_FIRST + number), str(1 << 20))
        assert far.run(*argv, timeout=30) == "all\n", number


@pytest.mark.parametrize("number", range(3))
def test_one_that_is_taken_away_ends_its_connections_and_no_others(lab: Lab, outside: Outside, number: int) -> None:
    lead(lab, FIRST + 10, number)
    lab.push()
    those = askers(lab, outside)
    ending = [Talk(asker, FLOATING, FIRST + number) for asker, _ in those]
    staying = [Talk(asker, FLOATING, FIRST + 10) for asker, _ in those]
    assert [talk.seen for talk in (*ending, *staying)] == [address for _, address in those] * 2
    del lab.forwarded[FLOATING, "tcp", FIRST + number]
    lab.push()
    assert all_asked(ending) == [""] * len(those)
    assert [talk.ask() for talk in staying] == [address for _, address in those]
    assert seen(outside, FLOATING, FIRST + number) == ""
    for talk in (*ending, *staying):
        talk.close()


def test_one_that_leads_elsewhere_ends_its_connections(lab: Lab, outside: Outside) -> None:
    for here, there in ((1, 2), (1, 4), (1, 0)):  # on another host, on the same, and on the one that answers
        lead(lab, FIRST + 1, here)
        lab.push()
        talks = [Talk(asker, FLOATING, FIRST + 1) for asker, _ in askers(lab, outside)]
        assert talks[0].seen == OUTSIDE
        lead(lab, FIRST + 1, there)
        lab.push()
        assert set(all_asked(talks)) == {""}
        for asker, address in askers(lab, outside):
            assert seen(asker, FLOATING, FIRST + 1) == address
        for talk in talks:
            talk.close()


def test_another_host_answers_and_connections_go_on(lab: Lab, outside: Outside) -> None:
    """But those of endpoints of the host that answered, or that answers now: it translated by itself, or will."""
    those = [*askers(lab, outside)[2:4], (outside, OUTSIDE)]
    talks = {number: [Talk(asker, FLOATING, FIRST + number) for asker, _ in those] for number in (1, 2)}
    first = lab.forwarded.copy()
    lab.forwarded = {service: inside for service, inside in first.items() if inside[0] is not lab.guests[0]}
    lab.push()
    assert [proxies(node) for node in lab.nodes] == [[], [FLOATING], []]
    for asker, address in askers(lab, outside):
        for number in (1, 2):
            assert seen(asker, FLOATING, FIRST + number) == address, (address, number)
        assert seen(asker, FLOATING, FIRST) == ""
    for number, there in talks.items():
        for (_, address), talk in zip(those, there, strict=True):
            if address != lab.nodes[1].address or number == 1:
                assert talk.ask() == address, (address, number)
    lab.forwarded = first
    lab.push()
    assert [proxies(node) for node in lab.nodes] == [[FLOATING], [], []]
    assert [talk.ask() for there in talks.values() for talk in (there[0], there[2])][::3] == [
        lab.nodes[1].address,
        OUTSIDE,
    ]
    for there in talks.values():
        for talk in there:
            talk.close()
    for asker, address in askers(lab, outside):
        assert seen(asker, FLOATING, FIRST) == address


def test_from_an_endpoint_of_its_own_to_ports_and_back(lab: Lab, outside: Outside) -> None:
    first = lab.forwarded.copy()
    talk = Talk(outside, FLOATING, FIRST + 1)
    lab.forwarded, lab.floating = {}, {FLOATING: lab.guests[1]}
    lab.push()
    assert talk.ask() == ""
    assert seen(outside, FLOATING) == OUTSIDE
    assert seen(lab.guests[1].inside, OUTSIDE) == FLOATING
    whole = [Talk(outside, FLOATING), Talk(lab.guests[1].inside, OUTSIDE)]
    lab.forwarded, lab.floating = first, {}
    lab.push()
    assert [each.ask() for each in whole] == ["", ""]
    for asker, address in askers(lab, outside):
        for number in range(3):
            assert seen(asker, FLOATING, FIRST + number) == address
    assert seen(lab.guests[1].inside, OUTSIDE) == lab.nodes[1].address
    for each in (talk, *whole):
        each.close()


def test_an_endpoint_may_have_a_floating_ip_of_its_own_as_well(lab: Lab, outside: Outside) -> None:
    lab.floating = {OTHER: lab.guests[0]}
    lab.push()
    assert seen(outside, OTHER) == seen(outside, FLOATING, FIRST) == OUTSIDE
    assert seen(lab.guests[0].inside, OUTSIDE) == OTHER
    assert seen(lab.guests[0].inside, FLOATING, FIRST + 1) == lab.nodes[0].address
    lab.floating = {OTHER: lab.guests[1]}
    lab.push()
    assert seen(outside, OTHER) == seen(outside, FLOATING, FIRST + 1) == OUTSIDE
    assert seen(lab.guests[1].inside, FLOATING, FIRST) == OTHER


def test_an_agent_that_starts_again_changes_nothing_and_ends_no_connection(lab: Lab, outside: Outside) -> None:
    talks = [
        (Talk(asker, FLOATING, FIRST + number), address)
        for asker, address in askers(lab, outside)
        for number in range(3)
    ]
    before = [(node.routes(), proxies(node), node.namespace.run("nft", "-s", "list", "ruleset")) for node in lab.nodes]
    said = [node.log.stat().st_size for node in lab.nodes]
    for _ in range(2):
        lab.push()
    after = [(node.routes(), proxies(node), node.namespace.run("nft", "-s", "list", "ruleset")) for node in lab.nodes]
    assert after == before
    for node, size in zip(lab.nodes, said, strict=True):
        assert "elements changed" not in node.log.read_text()[size:]
    for talk, address in talks:
        assert talk.ask() == address
        talk.close()


def test_after_a_reboot_of_who_answers_it_does_so_without_the_server_and_its_guest(lab: Lab, outside: Outside) -> None:
    node = lab.nodes[0]
    node.reboot()
    node.start_agent()  # the guest's interface is not there yet
    assert seen(outside, FLOATING, FIRST + 1) == OUTSIDE
    for guest in (lab.guests[0], lab.guests[3]):
        guest.plug()
        guest.configure()
    until(lambda: seen(outside, FLOATING, FIRST) == OUTSIDE, "it leads to the guest")
    assert seen(lab.guests[3].inside, FLOATING, FIRST + 2) == node.address


def test_what_leads_to_a_shut_endpoint_goes_nowhere_and_does_not_come_again(
    lab: Lab, outside: Outside, stack: ExitStack
) -> None:
    neighbour = stack.enter_context(closing(Outside(lab, NEIGHBOUR)))  # another than the router that nodes have
    assert seen(neighbour, FLOATING, FIRST + 1) == NEIGHBOUR
    lab.guests[1].permissions = Permissions(enabled=False)
    lab.push()
    assert seen(outside, FLOATING, FIRST + 2) == OUTSIDE
    before = received(lab.nodes[0])
    assert seen(neighbour, FLOATING, FIRST + 1) == ""
    assert received(lab.nodes[0]) - before < 10  # it was asked two or three times, and not again by its own packets
    lab.guests[1].permissions = Permissions()
    lab.push()
    assert seen(neighbour, FLOATING, FIRST + 1) == NEIGHBOUR


def received(node: Node) -> int:
    """How many IPv4 packets a node has taken in."""
    names, values = (line.split() for line in node.namespace.run("grep", "Ip:", "/proc/net/snmp").splitlines())
    return int(values[names.index("InReceives")])


def test_what_is_behind_interfaces_of_others_asks_too(lab: Lab, outside: Outside, stack: ExitStack) -> None:
    """On the host that answers; as that host, as nobody could answer it by any other address."""
    machine = stack.enter_context(closing(Namespace(lab.unique("f"))))
    connect(lab.nodes[0], "vnet0", machine)
    assert seen(outside, FLOATING, FIRST + 1) == OUTSIDE
    for number in (1, 2):
        assert seen(machine, FLOATING, FIRST + number) == lab.nodes[0].address


def test_what_the_host_needs_itself_is_not_forwarded(lab: Lab, outside: Outside) -> None:
    node = lab.nodes[0]
    lead(lab, FIRST, 0, OTHER)
    lab.push()
    assert seen(outside, OTHER, FIRST) == OUTSIDE
    node.namespace.run("ip", "addr", "add", f"{OTHER}/24", "dev", "eth0")
    until(lambda: proxies(node) == [FLOATING], "it is the host's")
    assert seen(outside, OTHER, FIRST) == ""
    said = " ".join(node.errors())
    assert f"ERROR floating IP {OTHER}: this host has this address itself, so it is not put in place; forward" in said
    node.namespace.run("ip", "addr", "del", f"{OTHER}/24", "dev", "eth0")
    until(lambda: seen(outside, OTHER, FIRST) == OUTSIDE, "it leads to the endpoint again")


def test_what_somebody_takes_away_comes_back(lab: Lab, outside: Outside) -> None:
    node = lab.nodes[0]
    node.namespace.run("ip", "route", "del", f"{FLOATING}/32")
    until(lambda: f"{FLOATING} dev romana-gw" in node.routes(), "the route is back")
    node.namespace.run("nft", "delete", "table", "ip", "romana")
    until(lambda: seen(outside, FLOATING, FIRST + 1) == OUTSIDE, "it is passed on again")


def test_removal_leaves_nothing(lab: Lab) -> None:
    for node in lab.nodes:
        node.remove_agent()
        assert proxies(node) == []
        assert not [route for route in node.routes() if FLOATING in route]
        assert "romana" not in node.namespace.run("nft", "list", "tables")


def test_rules_do_not_depend_on_how_many_there_are(lab: Lab) -> None:
    counts = set()
    for count in (0, 1, 300):
        lab.forwarded = {(FLOATING, "tcp", 1 + n): (lab.guests[n % 3], 1 + n) for n in range(count)}
        lab.push()
        counts.add(tuple(node.rule_count() for node in lab.nodes))
    assert len(counts) == 1
