"""Guests find the metadata service at its well-known address, are told apart by theirs, and reach no more of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from agent_lab import Guest, Lab, Node, until

from romana.agent.config import AgentSettings
from romana.agent.ruleset import create, inet_table
from romana.settings import SettingsError, load

from .test_ruleset import wanted

root = pytest.mark.root
WELL_KNOWN = "169.254.169.254"
PORT = 8775
S1, S2, OTHER_TENANT = (1, 2), (1, 3), (2, 2)
WHO_ASKS = """
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import sys

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.client_address[0].encode() + b"." * int(self.path[1:] or 0))

ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
"""
ASK = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=1).read().decode(), end='')"
CONNECT = """
import asyncio, sys

async def connect(target):
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(*target.rsplit(":", 1)), 1)
    except (OSError, asyncio.TimeoutError):
        return
    print(target)
    writer.close()

async def all_at_once():
    await asyncio.gather(*map(connect, sys.argv[1:]))

asyncio.run(all_at_once())
"""


def serve(node: Node, port: int) -> None:
    """On a port of the node, a web server that answers with the address of who asks, and as many dots as asked for."""
    argv = node.namespace.command(sys.executable, "-c", WHO_ASKS, "0.0.0.0", str(port))  # noqa: S104 - no way out
    node.lab.processes.append(subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    until(lambda: f":{port} " in node.namespace.run("ss", "-Hltn"), f"{node.name} listens on {port}")


def ask(guest: Guest, url: str = f"http://{WELL_KNOWN}/") -> str:
    """What the guest gets there; empty when nobody answers."""
    return guest.inside.run(sys.executable, "-I", "-S", "-c", ASK, url, check=False)


def connects(guest: Guest, addresses: Iterable[str], ports: Iterable[int]) -> set[str]:
    """Those of the addresses and ports that accept a TCP connection."""
    targets = [f"{address}:{port}" for address in addresses for port in ports]
    return set(guest.inside.run(sys.executable, "-I", "-S", "-c", CONNECT, *targets).split())


@pytest.fixture
def lab(make_lab: Callable[[int], Lab]) -> Lab:
    """Two nodes, both with guests; the service is on the first."""
    lab = make_lab(2)
    for node in lab.nodes:
        node.metadata = f"{lab.nodes[0].address}:{PORT}"
        node.configure()
    for node in (0, 1):
        lab.guest(node, *S1)
    lab.guest(1, *OTHER_TENANT)
    serve(lab.nodes[0], PORT)
    lab.push()
    for guest in lab.guests:
        assert guest.lease()
    return lab


@root
def test_each_guest_is_known_by_its_own_address(lab: Lab) -> None:
    for guest in lab.guests:
        assert ask(guest) == guest.address
        answer = ask(guest, f"http://{WELL_KNOWN}/300000")  # many packets, both ways
        assert len(answer) == len(guest.address) + 300000


@root
def test_a_guest_that_takes_the_address_for_its_own_link_finds_it_too(lab: Lab) -> None:
    for guest in lab.guests:
        guest.inside.run("ip", "route", "add", "169.254.0.0/16", "dev", "eth0")
        assert ask(guest) == guest.address


@root
def test_nothing_else_of_the_services_host_can_be_reached(lab: Lab) -> None:
    controller = lab.nodes[0]
    for port in (80, 8776):
        serve(controller, port)
    for guest in lab.guests:
        addresses = (WELL_KNOWN, controller.address, guest.node.gateway, guest.node.address)
        assert connects(guest, addresses, (80, PORT, 8776)) == {f"{WELL_KNOWN}:80"}
        assert not guest.reaches(WELL_KNOWN)
        assert not guest.reaches(controller.address)


@root
def test_the_service_reaches_no_guest_by_it(lab: Lab) -> None:
    remote = lab.guests[1]
    remote.listen(80)
    assert ask(remote)
    service = lab.processes[0]
    service.kill()
    service.wait()
    connect = (
        "import socket, sys; s = socket.socket(); s.settimeout(1); s.setsockopt(1, socket.SO_REUSEADDR, 1);"
        " s.bind(('', int(sys.argv[1]))); print(s.connect_ex((sys.argv[2], 80)))"
    )
    argv = (sys.executable, "-c", connect, str(PORT), remote.address)
    assert int(lab.nodes[0].namespace.run(*argv)) != 0
    lab.allow(f"{lab.nodes[0].address}/32", S1, "tcp", [(80, 80)])
    lab.push()
    assert int(lab.nodes[0].namespace.run(*argv)) == 0


@root
def test_a_guest_cannot_ask_in_the_name_of_another(lab: Lab) -> None:
    for guest, victim in ((lab.guests[0], "10.0.18.99"), (lab.guests[1], lab.guests[2].address)):
        assert ask(guest) == guest.address
        guest.node.kill_agent()
        guest.node.sysctl(f"net/ipv4/conf/{guest.interface}/rp_filter", "0")  # the firewall has to do it alone
        gateway = guest.node.gateway
        (tap,) = guest.node.namespace.json("ip", "-j", "link", "show", guest.interface)
        guest.inside.run("ip", "addr", "add", f"{victim}/32", "dev", "eth0")
        guest.inside.run("ip", "neigh", "replace", gateway, "lladdr", tap["address"], "dev", "eth0")
        guest.inside.run("ip", "route", "replace", WELL_KNOWN, "via", gateway, "src", victim)
        assert ask(guest) == ""
        guest.inside.run("ip", "route", "replace", WELL_KNOWN, "via", gateway, "src", guest.address)
        assert ask(guest) == guest.address


TAMPERINGS = {
    "chain emptied": "nft flush chain inet romana metadata",
    "chain gone": "nft flush chain inet romana metadata; nft delete chain inet romana metadata",
    "sent elsewhere": "nft insert rule inet romana metadata tcp dport 80 dnat ip to 192.168.99.77:1",
    "let in": "nft insert rule inet romana node tcp dport 8775 accept",
    "table": "nft delete table inet romana",
}


@root
def test_tampering_is_repaired(lab: Lab) -> None:
    for guest in lab.guests[:2]:
        node = guest.node
        before = node.namespace.run("nft", "list", "chain", "inet", "romana", "metadata")
        for name, command in TAMPERINGS.items():
            node.namespace.run("sh", "-c", command)
            until(lambda guest=guest: ask(guest) == guest.address, f"repaired: {name}")
            assert node.namespace.run("nft", "list", "chain", "inet", "romana", "metadata") == before
            assert not guest.tcp(lab.nodes[0].address, PORT)


@root
def test_the_setting_takes_effect_with_the_agents_start_and_costs_a_fixed_number_of_rules(lab: Lab) -> None:
    guest, node = lab.guests[1], lab.nodes[1]
    with_it = node.rule_count()
    node.metadata = ""
    node.configure()
    lab.push()
    assert ask(guest) == ""
    assert node.rule_count() == with_it - 4
    node.metadata = f"{lab.nodes[0].address}:{PORT}"
    node.configure()
    lab.guest(1, *S2)
    lab.push()
    assert ask(guest) == guest.address
    assert node.rule_count() == with_it


def settings(directory: Path, metadata: str) -> AgentSettings:
    path = directory / "agent.toml"
    path.write_text(f'host = "a"\nurl = "https://a:9600"\ntoken_file = "/token"\n{metadata}')
    return load(path, AgentSettings)


def test_the_setting_is_optional(tmp_path: Path) -> None:
    assert settings(tmp_path, "").metadata is None
    given = settings(tmp_path, 'metadata = "192.0.2.1:8775"').metadata
    assert given is not None
    assert (str(given.address), given.port) == ("192.0.2.1", 8775)
    assert len(create(inet_table(wanted(), given))) == len(create(inet_table(wanted(), None))) + 5


@pytest.mark.parametrize(
    "value", ["", "192.0.2.1", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:x", "controller:8775", ":1"]
)
def test_what_is_no_address_and_port_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(SettingsError, match=r"metadata.*write it like 192.168.99.10:8775"):
        settings(tmp_path, f'metadata = "{value}"')


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "224.0.0.1", WELL_KNOWN])  # noqa: S104 - refused
def test_where_guests_cannot_be_sent_is_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(SettingsError, match=f"guests cannot be sent to {address}"):
        settings(tmp_path, f'metadata = "{address}:80"')
