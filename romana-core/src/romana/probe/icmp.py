"""ICMP echo and time exceeded (RFC 792): packets in and out, pure."""

from __future__ import annotations

import struct
from dataclasses import dataclass

ECHO_REPLY, UNREACHABLE, ECHO_REQUEST, TIME_EXCEEDED = 0, 3, 8, 11
PAYLOAD = b"romana-probe"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for the echo request (identifier, sequence): its ICMP type and who sent it."""

    kind: int
    sender: str
    identifier: int
    sequence: int


def checksum(data: bytes) -> int:
    """Internet checksum (RFC 1071) of `data`."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    total += total >> 16
    return ~total & 0xFFFF


def echo_request(identifier: int, sequence: int) -> bytes:
    """An ICMP echo request; both numbers 0..65535."""
    head = struct.pack("!BBHHH", ECHO_REQUEST, 0, 0, identifier, sequence)
    value = checksum(head + PAYLOAD)
    return struct.pack("!BBHHH", ECHO_REQUEST, 0, value, identifier, sequence) + PAYLOAD


def parse(packet: bytes, sender: str) -> Answer | None:
    """The answer in an IPv4 packet from a raw socket; None when it is no answer to an echo request."""
    message = _after_ip_header(packet)
    if message is None:
        return None
    kind = message[0]
    if kind == ECHO_REPLY:
        return Answer(kind, sender, *struct.unpack_from("!HH", message, 4))
    if kind in (UNREACHABLE, TIME_EXCEEDED):  # they carry the head of the packet they are about
        original = _after_ip_header(message[8:])
        if original is not None and original[0] == ECHO_REQUEST:
            return Answer(kind, sender, *struct.unpack_from("!HH", original, 4))
    return None


def _after_ip_header(packet: bytes) -> bytes | None:
    if len(packet) < 20:
        return None
    message = packet[(packet[0] & 0x0F) * 4 :]
    return message if len(message) >= 8 else None
