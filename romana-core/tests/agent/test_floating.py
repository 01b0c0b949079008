"""Floating IPs: endpoints are asked by them from outside, and seen as them there, with real agents and packets."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest
from agent_lab import Lab, Namespace, Node, until
from outside_lab import Outside
from pinger import Pinger
from talk import Speaker, Talk, seen

from romana.models import Direction, GroupRule, Permissions

from .test_errors import asks
from .test_strangers import connect, echoes, pings

pytestmark = pytest.mark.root

OUTSIDE, NEIGHBOUR = "192.168.99.1", "192.168.99.2"
FLOATING, OTHER = "172.24.4.5", "172.24.4.6"
LENT = "203.0.113.7"
TCP, ICMP = 6, 1
ANSWER = """
import socket, time
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.settimeout(30)
udp.bind(("", 54))
print("ready", flush=True)
udp.connect(udp.recvfrom(1)[1])
try:
    for _ in range(30):
        udp.send(b"!")
        time.sleep(0.1)
except OSError as error:
    print(type(error).__name__, flush=True)
"""


@pytest.fixture
def lab(make_lab: Callable[[int], Lab]) -> Lab:
    """Two nodes; on the first guests a and b of one segment and c of another, d on the second; all may go outside."""
    lab = make_lab(2)
    for node in lab.nodes:
        node.masquerade = True
        node.configure()
    for node, segment in ((0, 1), (0, 1), (0, 2), (1, 3)):
        lab.guest(node, 1, segment)
    for segment in (1, 2, 3):
        lab.allow((1, segment), "0.0.0.0/0")
    lab.floating[FLOATING] = lab.guests[0]
    lab.push()
    for guest in lab.guests:
        guest.configure()
    return lab


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def outside(lab: Lab, stack: ExitStack) -> Outside:
    """The router of the nodes' network, where a Speaker listens, as behind each guest."""
    outside = stack.enter_context(closing(Outside(lab, OUTSIDE)))
    for namespace in (outside, *(guest.inside for guest in lab.guests)):
        stack.enter_context(closing(Speaker(namespace)))
    return outside


def only(protocol: int, network: str, direction: Direction = Direction.INGRESS) -> list[GroupRule]:
    """Rules of a group: in a direction a protocol from or to a network, in the other everything."""
    return [
        *(GroupRule(direction=other) for other in Direction if other is not direction),
        GroupRule.model_validate({"direction": direction, "protocol": protocol, "remotes": [network]}),
    ]


def test_it_is_asked_from_outside_and_seen_outside(lab: Lab, outside: Outside) -> None:
    first, second, third, _ = lab.guests
    assert seen(outside, FLOATING) == OUTSIDE  # the endpoint sees who asks
    assert outside.reaches(FLOATING)
    assert seen(first.inside, OUTSIDE) == FLOATING
    assert first.reaches(OUTSIDE)
    assert seen(second.inside, OUTSIDE) == seen(third.inside, OUTSIDE) == lab.nodes[0].address
    assert not outside.reaches(OTHER)
    # It is on no interface: nothing of the host's own answers there.
    assert FLOATING not in lab.nodes[0].namespace.run("ip", "-4", "addr")


def test_groups_judge_the_real_address_outside(lab: Lab, outside: Outside, stack: ExitStack) -> None:
    neighbour = stack.enter_context(closing(Outside(lab, NEIGHBOUR)))
    lab.groups["g"] = only(TCP, f"{OUTSIDE}/32")
    lab.guests[0].permissions = Permissions(groups=["g"])
    lab.push()
    assert seen(outside, FLOATING) == OUTSIDE
    assert seen(neighbour, FLOATING) == ""
    assert not outside.reaches(FLOATING)
    lab.groups["g"] = only(ICMP, f"{NEIGHBOUR}/32")
    lab.push()
    assert seen(outside, FLOATING) == ""
    assert neighbour.reaches(FLOATING)
    assert seen(lab.guests[0].inside, OUTSIDE) == FLOATING


def test_a_group_without_rules_lets_nobody_ask_it_by_whatever_address(lab: Lab, outside: Outside) -> None:
    lab.groups["shut"] = []
    lab.guests[0].permissions = Permissions(groups=["shut"])
    lab.push()
    assert seen(outside, FLOATING) == ""
    assert seen(lab.guests[1].inside, FLOATING) == ""
    assert seen(lab.guests[0].inside, OUTSIDE) == ""


@pytest.mark.usefixtures("outside")
def test_groups_of_who_asks_judge_the_address_that_is_asked_on_whichever_host_it_is(lab: Lab) -> None:
    first, second, _, fourth = lab.guests
    for asker in (second, fourth):
        asker.permissions = Permissions(groups=["g"])
    lab.groups["g"] = only(TCP, f"{FLOATING}/32", Direction.EGRESS)
    lab.push()
    assert seen(second.inside, FLOATING) == lab.nodes[0].address
    assert seen(fourth.inside, FLOATING) == lab.nodes[1].address
    lab.groups["g"] = only(TCP, f"{first.address}/32", Direction.EGRESS)
    lab.push()
    assert seen(second.inside, FLOATING) == seen(fourth.inside, FLOATING) == ""


@pytest.mark.usefixtures("outside")
def test_an_error_gets_to_who_asked_it_or_answered_by_it_on_the_same_host(lab: Lab) -> None:
    first, _, third, _ = lab.guests
    assert asks(third, FLOATING, 53) == "ConnectionRefusedError"
    answering = first.inside.command(sys.executable, "-I", "-S", "-c", ANSWER)
    with subprocess.Popen(answering, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        assert asks(third, FLOATING, 54) == ""  # answered, and then it has gone
        assert process.stdout.readline() == "ConnectionRefusedError\n"


@pytest.mark.usefixtures("outside")
def test_an_endpoint_does_not_ask_it_as_somebody_outside(lab: Lab) -> None:
    first, _, third, _ = lab.guests
    third.permissions = Permissions.model_validate({"address_pairs": [{"network": f"{LENT}/32"}]})
    lab.push()
    third.inside.run("ip", "addr", "add", f"{LENT}/32", "dev", "eth0")
    before = echoes(first)
    third.inside.run("busybox", "ping", "-c", "2", "-W", "1", "-I", LENT, FLOATING, check=False)
    assert echoes(first) == before
    assert third.reaches(FLOATING)


def test_what_is_behind_interfaces_of_others_asks_it_as_no_endpoint(lab: Lab, stack: ExitStack) -> None:
    first, _, third, _ = lab.guests
    machine = stack.enter_context(closing(Namespace(lab.unique("f"))))
    connect(lab.nodes[0], "vnet0", machine)
    machine.run("ip", "addr", "add", f"{third.address}/32", "dev", "eth0")
    before = echoes(first)
    assert not pings(machine, FLOATING, "-I", third.address)
    assert echoes(first) == before
    assert pings(machine, FLOATING)  # as who it is


@pytest.mark.usefixtures("outside")
def test_those_inside_ask_it_too(lab: Lab) -> None:
    first, second, third, fourth = lab.guests
    lab.floating[OTHER] = fourth
    lab.push()
    assert seen(first.inside, FLOATING) == FLOATING  # its own
    assert seen(second.inside, FLOATING) == lab.nodes[0].address  # of its segment
    assert seen(third.inside, FLOATING) == lab.nodes[0].address  # of another
    assert seen(fourth.inside, FLOATING) == OTHER  # from another host
    assert seen(first.inside, OTHER) == FLOATING
    assert seen(second.inside, OTHER) == lab.nodes[0].address
    assert seen(lab.nodes[0].namespace, FLOATING) == lab.nodes[0].address  # the host itself
    assert seen(first.inside, second.address) == first.address  # by their own addresses nothing is translated


@pytest.mark.usefixtures("outside")
def test_without_a_way_out_those_inside_ask_no_floating_ip(lab: Lab) -> None:
    lab.rules.clear()
    lab.push()
    assert seen(lab.guests[2].inside, FLOATING) == ""
    assert seen(lab.guests[3].inside, FLOATING) == ""
    assert seen(lab.guests[0].inside, OUTSIDE) == ""


def test_it_moves_to_another_host_and_nothing_else_is_disturbed(lab: Lab, outside: Outside) -> None:
    first, _, third, fourth = lab.guests
    lab.floating[OTHER] = third
    lab.push()
    before, by_it, others = Talk(outside, FLOATING), Talk(first.inside, OUTSIDE), Talk(outside, OTHER)
    pinger = Pinger(third, OUTSIDE)
    assert (before.seen, by_it.seen, others.seen) == (OUTSIDE, FLOATING, OUTSIDE)
    lab.floating[FLOATING] = fourth
    lab.push()
    until(lambda: seen(fourth.inside, OUTSIDE) == FLOATING, "it is the other's")
    assert seen(outside, FLOATING) == OUTSIDE
    assert seen(first.inside, OUTSIDE) == lab.nodes[0].address
    assert before.ask() == ""
    assert by_it.ask() == ""
    assert others.ask() == OUTSIDE
    sent, lost = pinger.losses()
    assert sent > 10
    assert lost == 0
    for talk in (before, by_it, others):
        talk.close()


def test_taken_away_it_ends_connections_both_ways(lab: Lab, outside: Outside) -> None:
    inward, outward, inside = (
        Talk(outside, FLOATING), Talk(lab.guests[0].inside, OUTSIDE), Talk(lab.guests[2].inside, FLOATING)
    )  # fmt: skip
    assert (inward.seen, outward.seen, inside.seen) == (OUTSIDE, FLOATING, lab.nodes[0].address)
    lab.allow("0.0.0.0/0", (1, 1))  # nor are they what a policy lets in
    lab.floating.clear()
    lab.push()
    assert (inward.ask(), outward.ask(), inside.ask()) == ("", "", "")
    assert seen(outside, FLOATING) == ""
    assert seen(lab.guests[0].inside, OUTSIDE) == lab.nodes[0].address
    assert proxies(lab.nodes[0]) == []
    assert f"{FLOATING} dev {lab.guests[0].interface}" not in lab.nodes[0].routes()
    for talk in (inward, outward, inside):
        talk.close()


def test_what_goes_on_without_a_pause_follows_it_to_another_endpoint(lab: Lab, outside: Outside) -> None:
    first, second, third, fourth = lab.guests
    fifth = lab.guest(1, 1, 3)
    lab.push()
    fifth.configure()
    askers = (outside, third.inside, fourth.inside)
    pingers = [Pinger(asker, FLOATING) for asker in askers]  # all packets of a ping are of one connection
    for owner in (second, fifth, first):
        lab.floating[FLOATING] = owner
        lab.push()
        for asker in askers:
            goes_on(asker)
        assert echoes(owner) > 0
    for pinger in pingers:
        pinger.losses()


@pytest.mark.usefixtures("outside")
def test_who_has_it_no_longer_goes_on_by_another_or_with_the_hosts_address(lab: Lab) -> None:
    first = lab.guests[0]
    pinger = Pinger(first, OUTSIDE)
    goes_on(first.inside)
    for address in (OTHER, None):
        lab.floating = {} if address is None else {address: first}
        lab.push()
        goes_on(first.inside)
    pinger.losses()


def test_an_agent_that_starts_again_loses_no_packet(lab: Lab, outside: Outside) -> None:
    talk, pinger = Talk(outside, FLOATING), Pinger(lab.guests[0], OUTSIDE)
    assert talk.seen == OUTSIDE
    for _ in range(2):
        lab.push()
    assert talk.ask() == OUTSIDE
    sent, lost = pinger.losses()
    assert sent > 10
    assert lost == 0
    talk.close()


def test_after_a_reboot_it_is_there_without_the_server(lab: Lab, outside: Outside) -> None:
    node, guest = lab.nodes[0], lab.guests[0]
    node.reboot()
    for one in lab.guests[:3]:
        one.plug()
        one.configure()
    node.start_agent()
    assert seen(outside, FLOATING) == OUTSIDE
    assert seen(guest.inside, OUTSIDE) == FLOATING


def test_a_shut_endpoint_has_none_and_removal_leaves_nothing(lab: Lab, outside: Outside) -> None:
    node, guest = lab.nodes[0], lab.guests[0]
    node.namespace.run("ip", "neigh", "add", "proxy", OTHER, "dev", "eth0")  # somebody else's
    assert sorted(proxies(node)) == [FLOATING, OTHER]
    guest.permissions = Permissions(enabled=False)
    lab.push()
    assert proxies(node) == [OTHER]
    assert seen(outside, FLOATING) == ""
    guest.permissions = Permissions()
    lab.push()
    assert seen(outside, FLOATING) == OUTSIDE
    node.remove_agent()
    assert proxies(node) == [OTHER]
    assert not [route for route in node.routes() if route.startswith("172.24.4.")]


def test_what_the_host_needs_itself_is_nobodys(lab: Lab, outside: Outside) -> None:
    first, second, third, _ = lab.guests
    node = lab.nodes[0]
    node.namespace.run("ip", "addr", "add", f"{OTHER}/24", "dev", "eth0")
    lab.floating = {FLOATING: first, OTHER: second, OUTSIDE: third}  # the last is where its default route leads
    lab.push()
    assert proxies(node) == [FLOATING]
    assert {f"{address} dev {item.interface}" for address, item in lab.floating.items()} & node.routes() == {
        f"{FLOATING} dev {first.interface}"
    }
    assert seen(node.namespace, OUTSIDE) == node.address
    assert seen(second.inside, OUTSIDE) == seen(third.inside, OUTSIDE) == node.address
    assert seen(outside, FLOATING) == OUTSIDE
    said = node.errors()
    assert f"ERROR floating IP {OTHER}: this host has this address itself, so it is not put in place;" in " ".join(said)
    assert f"ERROR floating IP {OUTSIDE}: this host's route to 0.0.0.0/0 leads by this address" in " ".join(said)
    node.namespace.run("ip", "addr", "del", f"{OTHER}/24", "dev", "eth0")
    until(lambda: sorted(proxies(node)) == [FLOATING, OTHER], "it is the endpoint's now")
    assert seen(second.inside, OUTSIDE) == OTHER
    node.namespace.run("ip", "addr", "add", f"{OTHER}/24", "dev", "eth0")
    until(lambda: proxies(node) == [FLOATING], "it is the host's again")
    until(lambda: seen(second.inside, OUTSIDE) == node.address, "it leaves with the host's address")
    assert outside.reaches(OTHER)
    assert echoes(second) == 0


def test_what_somebody_takes_away_comes_back(lab: Lab, outside: Outside) -> None:
    node, guest = lab.nodes[0], lab.guests[0]
    node.namespace.run("ip", "route", "del", f"{FLOATING}/32")
    until(lambda: f"{FLOATING} dev {guest.interface}" in node.routes(), "the route is back")
    node.namespace.run("ip", "link", "set", "eth0", "down")  # and with it whom it answers for
    node.namespace.run("ip", "link", "set", "eth0", "up")
    node.namespace.run("ip", "route", "add", "default", "via", OUTSIDE)
    until(lambda: FLOATING in proxies(node), "it answers again")
    assert seen(outside, FLOATING) == OUTSIDE


def test_it_answers_again_when_it_was_let_go_with_the_carrier(lab: Lab, outside: Outside) -> None:
    node = lab.nodes[0]
    node.namespace.run("ip", "neigh", "del", "proxy", FLOATING, "dev", "eth0")  # as some kernels do then
    for state in ("down", "up"):
        lab.switch.run("ip", "link", "set", "p0", state)
    until(lambda: FLOATING in proxies(node), "it answers again", 20)  # sooner than it would look by itself
    assert seen(outside, FLOATING) == OUTSIDE


@pytest.mark.long("waits until it is said again, which is once a minute")
def test_who_has_heard_of_another_host_hears_again(lab: Lab, outside: Outside) -> None:
    outside.run("ip", "neigh", "replace", FLOATING, "lladdr", "02:00:00:00:99:99", "dev", "eth0", "nud", "stale")
    until(lambda: lab.nodes[0].mac() in outside.run("ip", "neigh", "show", FLOATING), "it is told")
    assert outside.reaches(FLOATING)


def test_rules_do_not_depend_on_how_many_there_are(lab: Lab) -> None:
    counts = set()
    for floats in ({}, {FLOATING: 0}, {f"172.24.4.{n}": n for n in range(1, 101)}):
        lab.floating.clear()
        while len(lab.guests) < len(floats):
            lab.guest(0, 1, 3, plug=False)
        lab.floating.update({address: lab.guests[number % len(lab.guests)] for address, number in floats.items()})
        lab.push()
        counts.add(lab.nodes[0].rule_count())
    assert len(counts) == 1


def goes_on(asker: Namespace) -> None:
    """Wait until a ping is answered that has been going on."""
    before = replies(asker)
    until(lambda: replies(asker) > before + 5, f"{asker.name} is answered", 20)


def replies(asker: Namespace) -> int:
    """How many answers to pings have come in."""
    names, values = (line.split() for line in asker.run("grep", "Icmp:", "/proc/net/snmp").splitlines())
    return int(values[names.index("InEchoReps")])


def proxies(node: Node) -> list[str]:
    """For whom a node answers ARP on its own network."""
    return [item["dst"] for item in node.namespace.json("ip", "-j", "-4", "neigh", "show", "proxy", "dev", "eth0")]
