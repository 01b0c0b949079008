"""What an endpoint may do beside its groups' rules: before they are there, when it is disabled, what pairs lend it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from agent_lab import Guest, Lab, until

from romana.models import Direction, GroupRule, Permissions

pytestmark = pytest.mark.root

OUT = GroupRule(direction=Direction.EGRESS)
# From whom datagrams to port 7000 came, in the order they came.
HEAR = """
import json, socket, sys
channel = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
channel.bind(("", 7000))
channel.settimeout(1)
print("ready", flush=True)
sys.stdin.readline()
heard = []
try:
    while True:
        heard.append(channel.recvfrom(64)[1][0])
except TimeoutError:
    print(json.dumps(sorted(set(heard), key=heard.index)), flush=True)
"""
SAY = """
import socket, sys
channel = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
channel.bind((sys.argv[1], 0))
for _ in range(3):
    channel.sendto(b"x", (sys.argv[2], 7000))
"""


class Program:
    """A Python program in a guest, asked line by line."""

    def __init__(self, guest: Guest, code: str, *arguments: str) -> None:
        argv = guest.inside.command(sys.executable, "-I", "-S", "-c", code, *arguments)
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        guest.node.lab.processes.append(self.process)  # type: ignore[arg-type]
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def ask(self) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def ingress(**values: object) -> GroupRule:
    return GroupRule.model_validate({"direction": "ingress", **values})


@pytest.fixture
def lab(make_lab: Callable[[int], Lab]) -> Lab:
    """A server, and two clients beside it and on another node, all of one segment; the clients are in `clients`."""
    lab = make_lab(2)
    server, near, far = lab.guest(0, 1, 1), lab.guest(0, 1, 1), lab.guest(1, 1, 1)
    lab.groups = {"server": [OUT, ingress(remote_group="clients")], "clients": [OUT]}
    server.permissions = Permissions(groups=["server"])
    near.permissions = far.permissions = Permissions(groups=["clients"])
    lab.push()
    for guest in lab.guests:
        guest.configure()
    return lab


def test_a_disabled_endpoint_says_and_hears_nothing(lab: Lab) -> None:
    server, near, far = lab.guests
    assert near.reaches(server)
    server.permissions = Permissions(groups=["server"], enabled=False)
    lab.push()
    assert not near.reaches(server)
    assert not server.reaches(far)
    assert server.lease() == ""
    server.permissions = Permissions(groups=["server"])
    lab.push()
    assert server.lease().startswith(server.address)
    assert near.reaches(server)


def test_nothing_passes_before_groups_and_members_are_there(lab: Lab) -> None:
    server, near, _ = lab.guests
    server.listen(80)
    assert near.tcp(server, 80)
    near.permissions = Permissions(groups=[])
    lab.push()
    assert not near.tcp(server, 80)
    near.permissions = Permissions(groups=["clients"])
    lab.silent.add("clients")  # its members have not come yet
    lab.push()
    assert not near.tcp(server, 80)
    lab.silent.clear()
    lab.push()
    until(lambda: near.tcp(server, 80), "its members are there")


def test_the_host_gateway_dhcp_and_echo_need_no_rule(lab: Lab) -> None:
    server = lab.guests[0]
    server.permissions = Permissions(groups=[])
    lab.push()
    assert server.lease().startswith(server.address)
    assert server.reaches(server.node.gateway)
    server.node.namespace.run("busybox", "ping", "-c", "1", "-W", "2", server.address)


def test_address_pairs_let_out_what_was_lent_and_nothing_of_others(lab: Lab) -> None:
    server, near, _ = lab.guests
    other = lab.guest(0, 1, 2)
    lab.groups["server"] = [OUT, ingress(remotes=["192.0.2.0/24", "10.0.0.0/8"])]
    pair = {"network": "192.0.2.0/24"}
    near.permissions = Permissions.model_validate(
        {"groups": ["clients"], "address_pairs": [pair, {"network": "0.0.0.0/0"}]}
    )
    lab.allow("0.0.0.0/0", (1, 1))
    lab.push()
    heard = Program(server, HEAR)
    inside = near.inside
    for address in ("192.0.2.7", other.address, near.address):
        inside.run("ip", "addr", "replace", f"{address}/32", "dev", "eth0")
        inside.run(sys.executable, "-I", "-S", "-c", SAY, address, server.address)
    assert heard.ask() == ["192.0.2.7", near.address]
