"""The module local_uplink: a machine between the nodes' network and the rest, each a network namespace."""

from __future__ import annotations

import subprocess
import sys
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Node

NODES = "192.168.93.0/24"
RESOLVER, OTHER = "198.51.100.53", "198.51.100.80"
UPLINK: dict[str, Any] = {"name": "x", "interface": "ro-x", "network": NODES, "resolvers": [RESOLVER]}
# Tells everybody who asks, by TCP or UDP, as whom they are seen; says when it listens.
MIRROR = """
import selectors, socket, sys
chosen = selectors.DefaultSelector()
for address, port in [(address, port) for address in sys.argv[1:] for port in (22, 53, 80, 443)]:
    stream = socket.create_server((address, port))
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind((address, port))
    chosen.register(stream, selectors.EVENT_READ)
    chosen.register(datagrams, selectors.EVENT_READ)
print("ready", flush=True)
while True:
    for key, _ in chosen.select():
        if key.fileobj.type == socket.SOCK_STREAM:
            connection, peer = key.fileobj.accept()
            connection.sendall(peer[0].encode())
            connection.close()
        else:
            _, peer = key.fileobj.recvfrom(100)
            key.fileobj.sendto(peer[0].encode(), peer)
"""
ASK = """
import socket, sys
kind, address, port = sys.argv[1:]
asking = socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
asking.settimeout(1)
try:
    asking.connect((address, int(port)))
    asking.send(b"?")
    print(asking.recv(100).decode())
except OSError:
    print("nothing")
"""


@dataclass
class Between:
    """machine: on which the module runs; inside, outside: namespaces on its two sides."""

    machine: Node
    inside: str
    outside: str

    def ask(self, kind: str, address: str, port: int, source: str = "") -> str:
        """As whom somebody inside is seen outside; or somebody else, there."""
        command = ["ip", "netns", "exec", source or self.inside, sys.executable, "-c", ASK, kind, address, str(port)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def uplink(self, **arguments: Any) -> dict[str, Any]:
        """Run the module; it has to succeed."""
        result = self.machine.module("local_uplink", **(UPLINK | arguments))
        assert not result.get("failed"), result
        return result

    def forwards(self, interface: str) -> bool:
        """Whether packets that come in by an interface are forwarded."""
        return self.machine.run("cat", f"/proc/sys/net/ipv4/conf/{interface}/forwarding").strip() == "1"


@pytest.fixture
def between(node: Node) -> Iterator[Between]:
    """The three of them; who is outside answers."""
    made = Between(node, *(f"romana-{side}-{uuid.uuid4().hex[:8]}" for side in ("inside", "outside")))
    sides = ((made.inside, "ro-x", "192.168.93.254/24"), (made.outside, "wan", "198.51.100.1/24"))
    mirrors = []
    try:
        for namespace, interface, address in sides:
            subprocess.run(["ip", "netns", "add", namespace], check=True)
            peer = ("peer", "name", "eth0", "netns", namespace)
            node.run("ip", "link", "add", interface, "type", "veth", *peer)
            node.run("ip", "address", "add", address, "dev", interface)
            node.run("ip", "link", "set", interface, "up")
        node.run("sysctl", "-qw", "net.ipv4.ip_forward=0")
        node.run("ip", "route", "add", "default", "via", OTHER, "dev", "wan")
        inside, outside = (["ip", "-n", namespace] for namespace in (made.inside, made.outside))
        for command in (
            [*inside, "address", "add", "192.168.93.10/24", "dev", "eth0"],
            [*inside, "link", "set", "eth0", "up"],
            [*inside, "route", "add", "default", "via", "192.168.93.254"],
            [*outside, "address", "add", f"{RESOLVER}/24", "dev", "eth0"],
            [*outside, "address", "add", f"{OTHER}/24", "dev", "eth0"],
            [*outside, "link", "set", "eth0", "up"],
            [*outside, "route", "add", NODES, "via", "198.51.100.1"],
        ):
            subprocess.run(command, check=True)
        for namespace, *addresses in ((made.inside, "192.168.93.10"), (made.outside, RESOLVER, OTHER)):
            command = ["ip", "netns", "exec", namespace, sys.executable, "-c", MIRROR, *addresses]
            mirrors.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        for mirror in mirrors:
            assert mirror.stdout is not None
            assert mirror.stdout.readline() == "ready\n"
        yield made
    finally:
        for mirror in mirrors:
            mirror.kill()
            mirror.communicate()
        for namespace, _, _ in sides:
            subprocess.run(["ip", "netns", "delete", namespace], check=False)


def test_what_gets_out_and_in(between: Between) -> None:
    assert between.ask("tcp", OTHER, 80) == "nothing"
    between.uplink()
    asked = [("tcp", OTHER, 80), ("tcp", OTHER, 443), ("udp", RESOLVER, 53), ("tcp", RESOLVER, 53)]
    assert [between.ask(*question) for question in asked] == ["198.51.100.1"] * 4
    asked = [("tcp", OTHER, 22), ("udp", OTHER, 80), ("udp", OTHER, 53), ("tcp", OTHER, 53)]
    assert [between.ask(*question) for question in asked] == ["nothing"] * 4
    assert between.ask("tcp", "192.168.93.10", 80, source=between.outside) == "nothing"


def test_nothing_else_is_forwarded(between: Between) -> None:
    """A network of the machine that has nothing to do with the nodes': another link to who is inside."""
    peer = ("peer", "name", "eth1", "netns", between.inside)
    between.machine.run("ip", "link", "add", "other", "type", "veth", *peer)
    between.machine.run("ip", "address", "add", "192.168.50.1/24", "dev", "other")
    between.machine.run("ip", "link", "set", "other", "up")
    inside, outside = (["ip", "-n", namespace] for namespace in (between.inside, between.outside))
    for command in (
        [*inside, "address", "add", "192.168.50.10/24", "dev", "eth1"],
        [*inside, "link", "set", "eth1", "up"],
        [*outside, "route", "add", "192.168.50.0/24", "via", "198.51.100.1"],
    ):
        subprocess.run(command, check=True)
    listen = ["ip", "netns", "exec", between.inside, sys.executable, "-c", MIRROR, "192.168.50.10"]
    with subprocess.Popen(listen, stdout=subprocess.PIPE, text=True) as mirror:
        assert mirror.stdout is not None
        assert mirror.stdout.readline() == "ready\n"
        between.uplink()
        assert between.ask("tcp", "192.168.50.10", 80, source=between.outside) == "nothing"
        between.machine.run("nft", "flush", "chain", "inet", "romana-uplink-x", "forward")
        assert between.ask("tcp", "192.168.50.10", 80, source=between.outside) == RESOLVER
        mirror.kill()


def test_second_time_nothing_changes(between: Between) -> None:
    assert between.uplink()["changed"]
    again = between.uplink()
    assert (again["changed"], again["forwarding"]) == (False, ["wan"])
    assert between.uplink(resolvers=[OTHER])["changed"]
    assert between.ask("udp", OTHER, 53) == "198.51.100.1"


def test_check_mode_changes_nothing(between: Between) -> None:
    result = between.machine.module("local_uplink", check=True, **UPLINK)
    assert (result["changed"], result["diff"]["after"]) == (True, {"uplinks": ["x"]})
    assert between.machine.run("nft", "list", "tables") == ""
    assert not between.forwards("wan")


def test_it_goes_with_the_last_stack(between: Between) -> None:
    between.uplink()
    between.uplink(name="y", interface="ro-x")
    assert between.uplink(state="absent")["forwarding"] == []
    assert between.forwards("wan")
    assert between.uplink(name="y", state="absent")["forwarding"] == ["wan"]
    assert not between.forwards("wan")
    assert between.machine.run("nft", "list", "tables") == ""
    assert not between.uplink(name="y", state="absent")["changed"]


def test_forwarding_that_was_on_stays_on(between: Between) -> None:
    between.machine.run("sysctl", "-qw", "net.ipv4.conf.wan.forwarding=1")
    between.uplink()
    between.uplink(state="absent")
    assert between.forwards("wan")


def test_reason_of_a_refusal_is_told(between: Between) -> None:
    result = between.machine.module("local_uplink", **(UPLINK | {"resolvers": ["nobody"]}))
    assert result["failed"]
    assert result["msg"].startswith("cannot change the uplink: nft -f -: ")
