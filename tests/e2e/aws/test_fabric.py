"""The VPC passes what EC2 passes: machines here are network namespaces, each with one interface."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fabric import HERE, MACHINE, USER, Fabric, plug_uplink, run
from vpc import ALL, MTU, UPLINK, Interface, Rule, Vpc
from world import World

NEAR, FAR = "192.168.99.0/25", "192.168.99.128/25"
INSIDE = Rule(ALL, -1, -1, "192.168.99.0/24")
ENDPOINTS = Rule(ALL, -1, -1, "10.0.0.0/8")
ENDPOINT = {"a": "10.0.0.5", "b": "10.1.0.5", "c": "10.2.0.5"}
A = Interface(
    "eni-00000000000000a", "02:00:00:00:00:0a", "192.168.99.10", "54.214.1.10", NEAR, False, (INSIDE, ENDPOINTS)
)
B = Interface(
    "eni-00000000000000b", "02:00:00:00:00:0b", "192.168.99.11", "54.214.1.11", NEAR, False, (INSIDE, ENDPOINTS)
)
C = Interface("eni-00000000000000c", "02:00:00:00:00:0c", "192.168.99.138", "", FAR, True, (INSIDE,))
VPC = Vpc((NEAR, FAR), (A, B, C), {}, True)


IP_AND_ICMP = 28  # bytes of a packet that are not the ping's
LISTEN = """
import socket, sys
listening = [socket.create_server(("", int(port))) for port in sys.argv[1:]]
print("", flush=True)
input()
"""
ELSEWHERE, PRIVATE = "192.0.2.99", "10.99.0.1"
ROUTER = {NEAR: "192.168.99.1", FAR: "192.168.99.129"}


class Machines:
    """The interfaces' machines on a fabric in a world of its own."""

    def __init__(self, world: World) -> None:
        self.outside = world.inside
        self.fabric = Fabric("vpc", world.directory, self.outside)

    def make(self) -> None:
        """The fabric with them, each with an endpoint behind it."""
        self.fabric.make()
        self.fabric.apply(VPC)
        for name, interface in {"a": A, "b": B, "c": C}.items():
            run(*self.outside, "ip", "netns", "add", name)
            ends = [
                "address",
                interface.mac,
                "netns",
                name,
                "type",
                "veth",
                "peer",
                "name",
                interface.port,
                "netns",
                "vpc",
            ]
            run(*self.outside, "ip", "link", "add", "eth0", "mtu", str(MTU), *ends)
            port = ["link", "set", interface.port, "master", interface.bridge, "mtu", str(MTU), "up"]
            run(*self.outside, "ip", "-n", "vpc", *port)
            length = interface.subnet.partition("/")[2]
            for command in (
                f"address add {interface.address}/{length} dev eth0",
                "link set lo up",
                "link set eth0 up",
                f"route add default via {ROUTER[interface.subnet]}",
                f"address add {ENDPOINT[name]}/32 dev lo",
            ):
                run(*self.outside, "ip", "-n", name, *command.split())

    def ask(self, resolvers: list[str]) -> None:
        """Have an uplink, by which these are asked, or have none."""
        self.fabric.resolvers = resolvers
        self.fabric.apply(replace(VPC, open=False))
        self.fabric.apply(VPC)

    def answers(self, name: str, *command: str) -> bool:
        """Whether a command on a machine, or at the user's, ends well."""
        inside = ["ip", "netns", "exec", name] if name else []
        return subprocess.run([*self.outside, *inside, *command], capture_output=True, check=False).returncode == 0

    def pings(self, name: str, address: str, *options: str) -> bool:
        """Whether an address answers within a second."""
        return self.answers(name, "busybox", "ping", "-c", "1", "-W", "1", *options, address)


@pytest.fixture(scope="module")
def machines(live_place: Path) -> Iterator[Machines]:
    with World(live_place / "fabric") as world:
        made = Machines(world)
        made.make()
        try:
            yield made
        finally:
            made.fabric.remove()


@pytest.fixture(autouse=True)
def unchanged(machines: Machines) -> Iterator[None]:
    yield
    machines.fabric.apply(VPC)


def test_machines_of_a_vpc_reach_each_other_with_large_packets(machines: Machines) -> None:
    whole = ("-s", str(MTU - IP_AND_ICMP))
    assert machines.pings("a", B.address, *whole)
    assert machines.pings("a", C.address, *whole)


def test_a_user_reaches_public_addresses_by_the_rules_only(machines: Machines) -> None:
    users = Rule("icmp", -1, -1, f"{USER}/32")
    assert not machines.pings("", A.public)
    machines.fabric.apply(replace(VPC, interfaces=(replace(A, rules=(users,)), B, C)))
    assert machines.pings("", A.public)
    assert not machines.pings("", B.public)
    assert not machines.pings("", A.address)
    machines.fabric.apply(replace(VPC, interfaces=(replace(A, public="54.214.9.9", rules=(users,)), B, C)))
    assert machines.pings("", "54.214.9.9")
    assert not machines.pings("", A.public)
    machines.fabric.apply(replace(VPC, interfaces=(replace(A, rules=(users,)), B, C), open=False))
    assert not machines.pings("", A.public)


def test_an_elastic_ip_leads_to_one_of_several_addresses(machines: Machines) -> None:
    """The machine answers for it, and what it sends from there leaves with it; of another's address neither is so."""
    users = Rule("icmp", -1, -1, f"{USER}/32")
    more, elastic = "192.168.99.126", "54.214.7.7"
    has = replace(A, rules=(users,), more=((more, elastic), ("192.168.99.125", "")))
    run(*machines.outside, "ip", "-n", "a", "address", "add", f"{more}/32", "dev", "lo")
    machines.fabric.apply(replace(VPC, interfaces=(has, B, C)))
    assert machines.pings("", elastic)
    assert machines.pings("a", USER, "-I", more)
    machines.fabric.apply(replace(VPC, interfaces=(replace(has, more=((more, ""),)), B, C)))
    assert not machines.pings("", elastic)
    assert not machines.pings("a", USER, "-I", more)
    machines.fabric.apply(
        replace(VPC, interfaces=(replace(A, rules=(users,)), replace(B, rules=(users,), more=has.more), C))
    )
    run(*machines.outside, "ip", "-n", "vpc", "neigh", "flush", "all")
    assert not machines.pings("", elastic)
    run(*machines.outside, "ip", "-n", "a", "address", "del", f"{more}/32", "dev", "lo")


def test_a_rule_is_about_a_port(machines: Machines) -> None:
    machines.fabric.apply(replace(VPC, interfaces=(replace(A, rules=(Rule("tcp", 22, 22, f"{USER}/32"),)), B, C)))
    command = [*machines.outside, "ip", "netns", "exec", "a", "python3", "-c", LISTEN, "22", "23"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        server.stdout.readline()
        opened = [machines.answers("", "timeout", "1", "bash", "-c", f"</dev/tcp/{A.public}/{n}") for n in (22, 23)]
        server.communicate(b"\n")
    assert opened == [True, False]


def test_an_answer_needs_no_rule(machines: Machines) -> None:
    machines.fabric.apply(replace(VPC, interfaces=(replace(A, rules=()), B, C)))
    assert machines.pings("a", B.address)
    assert machines.pings("a", USER)
    assert not machines.pings("b", A.address)


def test_only_public_addresses_of_interfaces_come_out(machines: Machines) -> None:
    assert machines.pings("a", USER)
    assert not machines.pings("c", USER)
    assert not machines.pings("a", USER, "-I", ENDPOINT["a"])


@pytest.fixture
def uplink(machines: Machines) -> Iterator[None]:
    """An uplink, to an address that is elsewhere; a private one is there, too."""
    outside, ends = machines.outside, ("machine", "type", "veth", "peer", "name", UPLINK, "netns", "vpc")
    run(*outside, "ip", "link", "add", *ends)
    for command in (
        f"address add {MACHINE}/30 dev machine",
        "link set machine up",
        f"address add {ELSEWHERE}/32 dev lo",
        f"address add {PRIVATE}/32 dev lo",
        f"route add {NEAR} via {HERE}",
    ):
        run(*outside, "ip", *command.split())
    plug_uplink("vpc", outside)
    machines.ask([MACHINE])
    yield
    machines.ask([])
    run(*outside, "ip", "link", "del", "machine")


@pytest.mark.usefixtures("uplink")
def test_an_uplink_is_for_public_addresses_and_leads_out_only(machines: Machines) -> None:
    assert machines.pings("a", ELSEWHERE)
    assert machines.pings("a", USER)
    assert not machines.pings("a", PRIVATE)
    assert not machines.pings("c", ELSEWHERE)
    machines.fabric.apply(replace(VPC, interfaces=(replace(A, rules=(Rule("icmp", -1, -1, f"{MACHINE}/32"),)), B, C)))
    assert not machines.pings("", A.address, "-I", MACHINE)


def test_packets_of_others_pass_where_interfaces_are_not_checked(machines: Machines) -> None:
    """By the next hop's MAC in a subnet, without the VPC's route table."""
    run(*machines.outside, "ip", "-n", "a", "route", "replace", "10.1.0.0/16", "via", B.address)
    run(*machines.outside, "ip", "-n", "b", "route", "replace", "10.0.0.0/16", "via", A.address)
    assert machines.pings("a", ENDPOINT["b"], "-I", ENDPOINT["a"])
    machines.fabric.apply(replace(VPC, interfaces=(replace(A, checked=True), B, C)))
    assert not machines.pings("a", ENDPOINT["b"], "-I", ENDPOINT["a"])
    machines.fabric.apply(replace(VPC, interfaces=(A, replace(B, checked=True), C)))
    assert not machines.pings("a", ENDPOINT["b"], "-I", ENDPOINT["a"])


def test_a_route_of_the_vpc_leads_to_an_interface(machines: Machines) -> None:
    behind_c = ("c", ENDPOINT["b"], "-I", ENDPOINT["c"])
    routes = {"10.1.0.0/16": B.address, "10.2.0.0/16": C.address}
    run(*machines.outside, "ip", "-n", "b", "route", "replace", "10.2.0.0/16", "via", ROUTER[NEAR])
    assert not machines.pings(*behind_c)
    machines.fabric.apply(
        replace(VPC, interfaces=(A, B, replace(C, checked=False, rules=(INSIDE, ENDPOINTS))), routes=routes)
    )
    assert machines.pings(*behind_c)


def test_a_machine_is_given_its_address_by_dhcp(machines: Machines, tmp_path: Path) -> None:
    told = tmp_path / "told"
    script = tmp_path / "script"
    script.write_text(f'#!/bin/sh\nif [ "$1" = bound ]; then echo "$ip/$mask $router $dns $mtu" >{told}; fi\n')
    script.chmod(0o755)
    client = ("busybox", "udhcpc", "-i", "eth0", "-q", "-n", "-f", "-O", "mtu", "-s", str(script))
    run(*machines.outside, "ip", "netns", "exec", "c", *client)
    assert told.read_text().split() == [f"{C.address}/25", ROUTER[FAR], "192.168.99.130", str(MTU)]
