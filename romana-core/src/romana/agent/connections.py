"""The connections that the kernel tracks: reads them, and has it forget some (ctnetlink)."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

NETLINK_NETFILTER = 12
GET, DELETE = 1 << 8 | 1, 1 << 8 | 2  # IPCTNL_MSG_CT_GET and _DELETE, of NFNL_SUBSYS_CTNETLINK
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 0x1, 0x4, 0x300
HEADER = struct.Struct("=IHHII")  # struct nlmsghdr
NFGENMSG = struct.Struct("=BBH")
ATTRIBUTE = struct.Struct("=HH")
KIND = 0x3FFF  # of an attribute, without its flags
ORIGINAL, REPLY, ID, ZONE = 1, 2, 12, 18  # CTA_TUPLE_ORIG, CTA_TUPLE_REPLY, CTA_ID, CTA_ZONE
ADDRESSES, SERVICE = 1, 2  # CTA_TUPLE_IP, CTA_TUPLE_PROTO
SOURCE, TARGET = 1, 2  # CTA_IP_V4_SRC, CTA_IP_V4_DST
PROTOCOL, SOURCE_PORT, TARGET_PORT = 1, 2, 3  # CTA_PROTO_NUM, CTA_PROTO_SRC_PORT, CTA_PROTO_DST_PORT
NO_PORT = bytes(2)


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection over IPv4, by its addresses: who asked for which, and who answers to which.

    asked_port, answerer_port: 0 where the protocol has none. name: the attributes that tell it from others, as the
    kernel wrote them.
    """

    asker: str
    asked: str
    answerer: str
    answered: str
    protocol: int
    asked_port: int
    answerer_port: int
    name: bytes


def forget(which: Callable[[Connection], bool]) -> int:
    """Have the kernel forget connections: the next packet of each begins a new one. Returns how many.

    Raises OSError.
    """
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as channel:
        channel.bind((0, 0))
        return sum(_delete(channel, one) for one in [one for one in _tracked(channel) if which(one)])


def _tracked(channel: socket.socket) -> Iterator[Connection]:
    channel.send(_request(GET, NLM_F_DUMP, b""))
    while True:
        for kind, body in _messages(channel):
            if kind == NLMSG_DONE:
                return
            found = _connection(body[NFGENMSG.size :])
            if found is not None:
                yield found


def _delete(channel: socket.socket, connection: Connection) -> bool:
    """Whether it was still there."""
    channel.send(_request(DELETE, NLM_F_ACK, connection.name))
    try:
        _messages(channel)
    except FileNotFoundError:
        return False
    return True


def _request(kind: int, flags: int, attributes: bytes) -> bytes:
    body = NFGENMSG.pack(socket.AF_INET, 0, 0) + attributes
    return HEADER.pack(HEADER.size + len(body), kind, NLM_F_REQUEST | flags, 0, 0) + body


def _messages(channel: socket.socket) -> list[tuple[int, bytes]]:
    """The next messages: kind and body. Raises the OSError that one of them says."""
    data = channel.recv(1 << 20)
    messages = []
    offset = 0
    while offset + HEADER.size <= len(data):
        length, kind, *_ = HEADER.unpack_from(data, offset)
        body = data[offset + HEADER.size : offset + length]
        if kind == NLMSG_ERROR and (code := -struct.unpack_from("=i", body)[0]):
            raise OSError(code, os.strerror(code))
        messages.append((kind, body))
        offset += (length + 3) & ~3
    return messages


def _connection(data: bytes) -> Connection | None:
    """None: it is not one that has addresses of IPv4."""
    found = dict(_attributes(data))
    try:
        asked, answered = (_way(found[one]) for one in (ORIGINAL, REPLY))
    except KeyError:
        return None
    name = b"".join(_attribute(kind, found[kind]) for kind in (ORIGINAL, ZONE, ID) if kind in found)
    return Connection(
        asker=asked.source,
        asked=asked.target,
        answerer=answered.source,
        answered=answered.target,
        protocol=asked.protocol,
        asked_port=asked.target_port,
        answerer_port=answered.source_port,
        name=name,
    )


class _Way(NamedTuple):
    """Packets of a connection in one direction."""

    source: str
    target: str
    protocol: int
    source_port: int
    target_port: int


def _way(data: bytes) -> _Way:
    """Raises KeyError when it has no addresses of IPv4."""
    parts = dict(_attributes(data))
    addresses, service = (dict(_attributes(parts[part])) for part in (ADDRESSES, SERVICE))
    return _Way(
        socket.inet_ntoa(addresses[SOURCE]),
        socket.inet_ntoa(addresses[TARGET]),
        service[PROTOCOL][0],
        *(int.from_bytes(service.get(port, NO_PORT)) for port in (SOURCE_PORT, TARGET_PORT)),
    )


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset + ATTRIBUTE.size <= len(data):
        length, kind = ATTRIBUTE.unpack_from(data, offset)
        if length < ATTRIBUTE.size:
            return
        yield kind & KIND, data[offset + ATTRIBUTE.size : offset + length]
        offset += (length + 3) & ~3


def _attribute(kind: int, body: bytes) -> bytes:
    nested = 0x8000 if kind == ORIGINAL else 0
    return ATTRIBUTE.pack(ATTRIBUTE.size + len(body), kind | nested) + body + bytes(-len(body) % 4)
