"""Interfaces of other programs on a node, as of VPNs and libvirt; their names may be like those of endpoints' taps."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from agent_lab import Guest, Lab, Namespace, Node

pytestmark = pytest.mark.root

S1 = (1, 2)
# Their networks; the last is in the part of the plan that no host has.
STRANGERS = {"tap0": "172.31.0", "vnet0": "172.31.1", "tap12345678-9a": "10.200.0"}
SYSCTLS = ("ipv4/conf/{}/proxy_arp", "ipv4/conf/{}/rp_filter", "ipv4/neigh/{}/proxy_delay", "ipv6/conf/{}/disable_ipv6")


@pytest.fixture
def machines(lab: Lab) -> Iterator[Callable[[str], Namespace]]:
    """Makes machines of other programs, on the first node; they are gone after the test."""
    made: list[Namespace] = []

    def make(name: str) -> Namespace:
        made.append(Namespace(lab.unique("f")))
        connect(lab.nodes[0], name, made[-1])
        return made[-1]

    yield make
    for machine in made:
        machine.close()


def connect(node: Node, name: str, machine: Namespace) -> None:
    """Put a machine behind an interface of that name: .2 in a network where the node is .1."""
    network = STRANGERS[name]
    run = node.namespace.run
    run("ip", "link", "add", name, "type", "veth", "peer", "eth0", "netns", machine.name)
    run("ip", "addr", "add", f"{network}.1/24", "dev", name)
    run("ip", "link", "set", name, "up")
    machine.run("ip", "addr", "add", f"{network}.2/24", "dev", "eth0")
    machine.run("ip", "link", "set", "eth0", "up")
    machine.run("ip", "route", "add", "default", "via", f"{network}.1")


def sysctls(node: Node) -> dict[str, str]:
    paths = [path.format(name) for name in STRANGERS for path in SYSCTLS]
    return {path: node.sysctl(f"net/{path}") for path in paths}


def pings(source: Namespace, target: str, *options: str) -> bool:
    said = source.run("busybox", "ping", "-c", "1", "-W", "1", *options, target, check=False)
    return " 0% packet loss" in said


def echoes(guest: Guest) -> int:
    """How many pings have come to a guest."""
    names, values = (line.split() for line in guest.inside.run("grep", "Icmp:", "/proc/net/snmp").splitlines())
    return int(values[names.index("InEchos")])


@pytest.fixture
def lab(make_lab: Callable[[int], Lab]) -> Lab:
    return make_lab(2)


@pytest.fixture
def guests(lab: Lab) -> list[Guest]:
    """Two endpoints of a segment on the first node, one on the second."""
    return [lab.guest(0, *S1), lab.guest(0, *S1), lab.guest(1, *S1)]


def test_they_are_left_alone(lab: Lab, guests: list[Guest], machines: Callable[[str], Namespace]) -> None:
    here, neighbour, remote = guests
    node = lab.nodes[0]
    early, late = list(STRANGERS)[:2], list(STRANGERS)[2:]
    strangers = {name: machines(name) for name in early}
    lab.push()
    strangers |= {name: machines(name) for name in late}  # while the agent runs
    before = sysctls(node)
    for guest in guests:
        assert guest.lease() == f"{guest.address}/16 {guest.node.gateway}"
    assert here.reaches(neighbour)
    assert here.reaches(remote)
    for name, machine in strangers.items():
        others = [f"{STRANGERS[other]}.2" for other in STRANGERS if other != name]
        assert all(pings(machine, target) for target in (f"{STRANGERS[name]}.1", node.address, *others)), name
    assert sysctls(node) == before
    assert not set(STRANGERS).intersection(map(str, node.set_elements("taps")))
    assert not [name for name in STRANGERS if re.search(rf"\b{name}\b", node.log.read_text())]
    script = str(lab.directory / "udhcpc")
    for machine in strangers.values():
        ask = ("busybox", "udhcpc", "-f", "-n", "-q", "-t", "1", "-T", "1", "-i", "eth0", "-s", script)
        assert machine.run(*ask, check=False).count("10.0.") == 0


@pytest.mark.parametrize("name", STRANGERS)
def test_they_do_not_get_among_endpoints(
    lab: Lab, guests: list[Guest], machines: Callable[[str], Namespace], name: str
) -> None:
    here, neighbour, remote = guests
    machine = machines(name)
    lab.push()
    for guest in guests:
        guest.configure()
    assert neighbour.reaches(remote)
    assert not any(guest.reaches(f"{STRANGERS[name]}.2") for guest in guests)
    # What it may claim to be: nobody, an endpoint here, one elsewhere, one that there is not.
    claims = [f"{STRANGERS[name]}.2", here.address, remote.address, "10.0.18.77", "10.1.18.77"]
    for claim in claims[1:]:
        machine.run("ip", "addr", "add", f"{claim}/32", "dev", "eth0")
    for target, known in ((neighbour, echoes(neighbour)), (remote, echoes(remote))):
        for claim in claims:
            if claim != target.address:
                machine.run("ip", "route", "replace", f"{target.address}/32", "via", f"{STRANGERS[name]}.1")
                pings(machine, target.address, "-I", claim)
        assert echoes(target) == known
