"""ICMP errors carry what their sender likes: they get only to whom the sender may talk to, or who asked for them."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
from collections.abc import Callable

import pytest
from agent_lab import Guest, Lab, checksum, until

from .test_isolation import leased, received
from .test_metadata import ask, serve

pytestmark = pytest.mark.root
S1, S2, OTHER_TENANT = (1, 2), (1, 3), (2, 2)
ERRORS = [(3, 1), (3, 3), (3, 4), (4, 0), (5, 1), (11, 0), (12, 0)]  # type and code
SEND = """
import socket, sys
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
for message in sys.argv[2:]:
    raw.sendto(bytes.fromhex(message), (sys.argv[1], 0))
"""
ASK = """
import socket, sys
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.settimeout(1)
udp.bind(("", 4000))
udp.connect((sys.argv[1], int(sys.argv[2])))
udp.send(b"?")
try:
    udp.recv(1)
except OSError as error:
    print(type(error).__name__)
"""
HOLD = """
import socket, sys
connection = socket.create_connection(("169.254.169.254", 80), 5, ("", 4000))
sys.stdin.read()
"""


def quoting(source: str, target: str, protocol: int, ports: tuple[int, int], kind: int, code: int) -> bytes:
    """An error about a packet, with some kilobyte of whatever one likes to say (RFC 792)."""
    addresses = socket.inet_aton(source) + socket.inet_aton(target)
    header = struct.pack("!BBHHHBBH", 0x45, 0, 1228, 1, 0, 64, protocol, 0) + addresses
    header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    message = struct.pack("!BBHI", kind, code, 0, 0) + header + struct.pack("!HHI", *ports, 0) + b"secret" * 200
    return message[:2] + struct.pack("!H", checksum(message)) + message[4:]


def passed(sender: Guest, target: str, watched: Guest, messages: list[bytes]) -> int:
    """How many of these arrive."""
    before = received(watched)
    sender.inside.run(sys.executable, "-I", "-S", "-c", SEND, target, *(one.hex() for one in messages))
    return received(watched) - before


def asks(client: Guest, address: str, port: int) -> str:
    """What becomes of a datagram from port 4000: the name of the error that the client's kernel tells it of."""
    return client.inside.run(sys.executable, "-I", "-S", "-c", ASK, address, str(port)).strip()


@pytest.mark.parametrize("place", [0, 1])
def test_tenants_exchange_nothing_by_errors(make_lab: Callable[[int], Lab], place: int) -> None:
    lab = make_lab(2)
    one, other, third = lab.guest(0, *S1), lab.guest(place, *OTHER_TENANT), lab.guest(1, *S2)
    lab.push()
    leased(one, other, third)
    assert asks(one, other.address, 53) == "TimeoutError"  # tracked where `one` is, and dropped where `other` is
    about = [quoting(one.address, other.address, 17, (4000, 53), *error) for error in ERRORS]
    assert passed(other, one.address, one, about) == 0
    assert passed(third, one.address, one, about) == 0


def test_an_answer_by_an_error_gets_to_whom_asked(make_lab: Callable[[int], Lab]) -> None:
    lab = make_lab(2)
    client, server, third, peer = lab.guest(0, *S1), lab.guest(1, *S2), lab.guest(1, *OTHER_TENANT), lab.guest(1, *S1)
    lab.allow(S1, S2, "udp", [(53, 53)])
    lab.push()
    leased(client, server, third, peer)
    assert asks(client, server.address, 53) == "ConnectionRefusedError"
    assert asks(client, server.address, 54) == "TimeoutError"
    about = [quoting(client.address, server.address, 17, (4000, 53), *error) for error in ERRORS]
    assert passed(third, client.address, client, about) == 0
    assert passed(server, client.address, client, about) == len([error for error in ERRORS if error[0] in (3, 11, 12)])
    # The other way nothing has been asked.
    back = [quoting(server.address, client.address, 17, (53, 4000), *error) for error in ERRORS]
    assert passed(third, server.address, server, back) == 0
    lab.rules.clear()
    lab.push()
    assert passed(server, client.address, client, about) == 0


def test_errors_about_the_world_outside_come_from_there(make_lab: Callable[[int], Lab]) -> None:
    lab = make_lab(3)
    client, third, outside = lab.guest(0, *S1), lab.guest(1, *OTHER_TENANT), lab.nodes[2]
    lab.allow(S1, f"{outside.address}/32", "udp", [(53, 53)])
    lab.allow("0.0.0.0/0", S1, "udp", [(4001, 4001)])
    lab.push()
    leased(client, third)
    assert asks(client, outside.address, 53) == "ConnectionRefusedError"
    about = [quoting(client.address, outside.address, 17, (4000, 53), *error) for error in ERRORS]
    assert passed(third, client.address, client, about) == 0
    program = ASK.replace('"", 4000', '"", 4002')
    said = outside.namespace.run(sys.executable, "-I", "-S", "-c", program, client.address, "4001").strip()
    assert said == "ConnectionRefusedError"
    inwards = [quoting(client.address, outside.address, 17, (4001, 4002), *error) for error in ERRORS]
    assert passed(third, client.address, client, inwards) == 0


def test_nobody_forges_errors_about_metadata(make_lab: Callable[[int], Lab]) -> None:
    lab = make_lab(2)
    for node in lab.nodes:
        node.metadata = f"{lab.nodes[0].address}:8775"
        node.configure()
    client, third = lab.guest(1, *S1), lab.guest(1, *OTHER_TENANT)
    serve(lab.nodes[0], 8775)
    lab.push()
    leased(client, third)
    held = client.inside.command(sys.executable, "-I", "-S", "-c", HOLD)
    process = subprocess.Popen(held, stdin=subprocess.PIPE)
    lab.processes.append(process)
    until(lambda: "ESTAB" in client.inside.run("ss", "-Htn"), "it is connected")
    about = [quoting(client.address, "169.254.169.254", 6, (4000, 80), *error) for error in ERRORS]
    about += [quoting(client.address, lab.nodes[0].address, 6, (4000, 8775), *error) for error in ERRORS]
    assert passed(third, client.address, client, about) == 0
    assert ask(client).startswith(client.address)


def test_a_node_takes_no_redirect_from_a_guest(make_lab: Callable[[int], Lab]) -> None:
    lab = make_lab(1)
    guest, node = lab.guest(0, *S1), lab.nodes[0]
    lab.push()
    leased(guest)
    program = ASK.replace('"", 4000', '"", 4002')
    said = node.namespace.run(sys.executable, "-I", "-S", "-c", program, guest.address, "53").strip()
    assert said == "ConnectionRefusedError"  # what it asks a guest is answered
    about = [quoting(node.gateway, guest.address, 17, (4002, 53), *error) for error in ERRORS if error[0] in (4, 5)]

    def arrived() -> int:
        lines = [line.split() for line in node.namespace.run("cat", "/proc/net/snmp").splitlines() if "Icmp:" in line]
        return int(lines[1][lines[0].index("InMsgs")])

    before = arrived()
    guest.inside.run(sys.executable, "-I", "-S", "-c", SEND, node.gateway, *(one.hex() for one in about))
    assert arrived() == before
