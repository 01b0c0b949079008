"""Connections between namespaces, all made by one process: a socket stays in the namespace that it was made in.

A *call* is what one guest asks another for: a protocol and a port, of ICMP type and code. It has a first packet, which
arrives or not, an answer, and can be spoken on: then more packets pass both ways, or no longer do.
"""

from __future__ import annotations

import errno
import itertools
import os
import selectors
import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from agent_lab import checksum
from inside import inside
from pyroute2 import NFCTSocket

ICMP, TCP, UDP, SCTP, OTHER = 1, 6, 17, 132, 253
ANSWERED_ICMP = {8: 0, 13: 14}  # types that the kernel answers -> types of the answers
INIT, INIT_ACK = 1, 2  # chunks of SCTP
# Of a guest whose tap is gone for now, or beside which nobody answers, so that what it sends before waits.
NOWHERE = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EAGAIN)
WORDS = (b"ask", b"say")  # what a first packet has in it, and one of what follows


class Call(NamedTuple):
    """Who asks whom (numbers of guests), for what. port: of ICMP, type and code in two bytes."""

    source: int
    target: int
    protocol: int
    port: int


def forget_connections(namespace: str) -> None:
    """Have the kernel forget all connections that it tracks in a namespace."""
    with inside(namespace), NFCTSocket() as tracker:
        tracker.flush()


class Calls:
    """Calls between guests, over any networks.

    Args:
        guests: namespace and address of each.
        ports: of TCP and UDP, on which each of them answers.
        tag: a number that no other calls between the same guests have at that time.

    Attributes:
        arrived: calls whose first packet has reached its target; of TCP, those that are connected.
        answered: calls whose answer has come back.
        spoken: calls over which, since `speak`, a packet and its answer have come through.
    """

    def __init__(self, guests: Iterable[tuple[str, str]], ports: Iterable[int], tag: int) -> None:
        self._guests = list(guests)
        self._numbers = {address: number for number, (_, address) in enumerate(self._guests)}
        self._tag = tag
        self._selector = selectors.DefaultSelector()
        self._sockets: list[socket.socket] = []
        self._calls: list[Call] = []
        self._by_call: dict[Call, int] = {}
        self._connected: dict[int, socket.socket] = {}
        self._accepted: dict[tuple[int, int], socket.socket] = {}
        self.arrived: set[Call] = set()
        self.answered: set[Call] = set()
        self.spoken: set[Call] = set()
        self._raw: list[dict[int, socket.socket]] = []
        self._callers: list[socket.socket] = []
        for number, (namespace, _) in enumerate(self._guests):
            with inside(namespace):
                self._sit(number, sorted(ports))

    def _sit(self, number: int, ports: list[int]) -> None:
        """Make a guest's sockets."""
        for port in ports:
            listener = self._socket(socket.SOCK_STREAM, 0)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("", port))
            listener.listen(1000)
            self._watch(listener, partial(self._accept, listener, number))
            answerer = self._socket(socket.SOCK_DGRAM, 0)
            answerer.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            answerer.bind(("", port))
            self._watch(answerer, partial(self._asked_by_datagram, answerer))
        caller = self._socket(socket.SOCK_DGRAM, 0)
        self._watch(caller, lambda: self._answered_by_datagram(caller))
        self._callers.append(caller)
        raw = {}
        for protocol in (ICMP, SCTP, OTHER):
            one = raw[protocol] = self._socket(socket.SOCK_RAW, protocol)
            self._watch(one, partial(self._heard, one, protocol, number))
        self._raw.append(raw)

    def begin(self, calls: Iterable[Call]) -> None:
        """Send the first packet of each, in this order; of those begun before, once more."""
        for count, call in enumerate(calls):
            if call not in self._by_call:
                self._by_call[call] = len(self._calls)
                self._calls.append(call)
            self._send(call, 0)
            if count % 16 == 0:
                self.poll(0)

    def speak(self, calls: Iterable[Call]) -> None:
        """Say something more on calls that were answered: from their source; what arrives is answered again."""
        self.spoken = set()
        for count, call in enumerate(calls):
            self._send(call, 1)
            if count % 16 == 0:
                self.poll(0)

    def poll(self, seconds: float) -> bool:
        """Take in what has come, waiting at most that long for the first of it. Returns whether anything has."""
        ready = self._selector.select(seconds)
        for key, _ in ready:
            handler: Callable[[], None] = key.data
            handler()
        return bool(ready)

    def close(self) -> None:
        """Close all sockets; connections are reset, so that nothing of them is sent later."""
        self._selector.close()
        for one in [*self._sockets, *self._connected.values(), *self._accepted.values()]:
            if one.type == socket.SOCK_STREAM:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            one.close()

    def _send(self, call: Call, word: int) -> None:
        index = self._by_call[call]
        address = self._guests[call.target][1]
        try:
            self._put(call, index, address, word)
        except (PermissionError, ConnectionError):
            pass  # what an ICMP error of an earlier packet has left
        except OSError as error:
            if error.errno not in NOWHERE:
                raise

    def _put(self, call: Call, index: int, address: str, word: int) -> None:
        if call.protocol == TCP:
            self._send_stream(call, index, word)
        elif call.protocol == UDP:
            self._callers[call.source].sendto(WORDS[word] + index.to_bytes(4), (address, call.port))
        else:
            packet = self._packet(call, index, word)
            self._raw[call.source][call.protocol].sendto(packet, (address, 0))

    def _send_stream(self, call: Call, index: int, word: int) -> None:
        if word:
            self._connected[index].send(WORDS[word] + index.to_bytes(4))
            return
        with inside(self._guests[call.source][0]):
            channel = self._connected[index] = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        found = channel.connect_ex((self._guests[call.target][1], call.port))
        if found not in (0, errno.EINPROGRESS):
            raise OSError(found, os.strerror(found))
        self._watch(channel, lambda: self._connect(channel, index), selectors.EVENT_WRITE)

    def _packet(self, call: Call, index: int, word: int) -> bytes:
        """Of a protocol that no socket speaks for us."""
        if call.protocol == ICMP:
            return _icmp(call.port, self._tag, index, WORDS[word])
        if call.protocol == SCTP:
            return _sctp(self._tag, call.port, INIT, 0, index, word)
        return WORDS[word] + index.to_bytes(4)

    def _socket(self, kind: int, protocol: int) -> socket.socket:
        made = socket.socket(socket.AF_INET, kind | socket.SOCK_NONBLOCK, protocol)
        self._sockets.append(made)
        if kind != socket.SOCK_STREAM:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        return made

    def _watch(self, one: socket.socket, handler: Callable[[], None], events: int = selectors.EVENT_READ) -> None:
        self._selector.register(one, events, handler)

    def _accept(self, listener: socket.socket, number: int) -> None:
        for _ in range(100):
            try:
                channel, _ = listener.accept()
            except BlockingIOError:
                return
            channel.setblocking(False)
            self._accepted[number, channel.fileno()] = channel
            self._watch(channel, partial(self._echo, channel))

    def _connect(self, channel: socket.socket, index: int) -> None:
        if channel.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._selector.unregister(channel)
            return
        self.arrived.add(self._calls[index])
        channel.send(WORDS[0] + index.to_bytes(4))
        self._selector.modify(channel, selectors.EVENT_READ, lambda: self._answered_by_stream(channel))

    def _echo(self, channel: socket.socket) -> None:
        data = _received(channel)
        if not data:
            self._selector.unregister(channel)
            return
        with suppress(ConnectionError):
            channel.send(data)

    def _answered_by_stream(self, channel: socket.socket) -> None:
        data = _received(channel)
        if not data:
            self._selector.unregister(channel)
        for start in range(0, len(data), 7):
            self._answered(data[start : start + 7])

    def _asked_by_datagram(self, answerer: socket.socket) -> None:
        for data, sender in _datagrams(answerer):
            self._arrived(data)
            with suppress(PermissionError):
                answerer.sendto(data, sender)

    def _answered_by_datagram(self, caller: socket.socket) -> None:
        for data, _ in _datagrams(caller):
            self._answered(data)

    def _heard(self, one: socket.socket, protocol: int, number: int) -> None:
        for packet, (address, _) in _datagrams(one):
            data = packet[20:]  # behind the IP header
            other = self._numbers.get(address)
            if other is None:
                continue
            if protocol == ICMP:
                self._heard_icmp(data)
            elif protocol == SCTP:
                self._heard_sctp(one, data, address)
            else:
                self._heard_other(one, data, address, number)

    def _heard_icmp(self, data: bytes) -> None:
        kind, _, _, tag, index = struct.unpack_from("!BBHHH", data)
        if tag != self._tag or index >= len(self._calls) or kind in (3, 11):
            return
        word = data[8:11] if len(data) >= 11 else WORDS[0]
        call = self._calls[index]
        if kind == call.port >> 8:
            self._arrived(word + index.to_bytes(4))
        elif kind == ANSWERED_ICMP.get(call.port >> 8):
            self._answered(word + index.to_bytes(4))

    def _heard_sctp(self, one: socket.socket, data: bytes, address: str) -> None:
        source, target, _, _, chunk, word, _, tag, _, _, _, index = struct.unpack_from("!HHIIBBHIIHHI", data)
        if chunk == INIT and source == self._tag:
            self._arrived(WORDS[word] + index.to_bytes(4))
            one.sendto(_sctp(target, source, INIT_ACK, tag, index, word), (address, 0))
        elif chunk == INIT_ACK and target == self._tag:
            self._answered(WORDS[word] + index.to_bytes(4))

    def _heard_other(self, one: socket.socket, data: bytes, address: str, number: int) -> None:
        index = int.from_bytes(data[3:7])
        if index >= len(self._calls):
            return
        if self._calls[index].target == number:
            self._arrived(data)
            one.sendto(data, (address, 0))
        else:
            self._answered(data)

    def _arrived(self, data: bytes) -> None:
        if data[:3] == WORDS[0]:
            self.arrived.add(self._calls[int.from_bytes(data[3:7])])

    def _answered(self, data: bytes) -> None:
        call = self._calls[int.from_bytes(data[3:7])]
        (self.spoken if data[:3] == WORDS[1] else self.answered).add(call)


def settle(condition: Callable[[], object], all_calls: list[Calls], quiet: float, longest: float) -> None:
    """Take in what comes until `condition` holds and nothing has come for `quiet` seconds, at most `longest`."""
    last = started = time.monotonic()
    while time.monotonic() - started < longest:
        came = [calls.poll(0.02) for calls in all_calls]
        if any(came):
            last = time.monotonic()
        elif time.monotonic() - last > quiet and condition():
            return


def _received(channel: socket.socket) -> bytes:
    try:
        return channel.recv(1 << 16)
    except OSError:
        return b""


def _datagrams(one: socket.socket) -> Iterator[tuple[bytes, tuple[str, int]]]:
    for _ in range(200):
        try:
            yield one.recvfrom(2048)
        except BlockingIOError:
            return
        except OSError:  # an ICMP error of an earlier packet
            continue


def _icmp(port: int, tag: int, index: int, word: bytes) -> bytes:
    body = struct.pack("!HH", tag, index) + (word + bytes(13) if port >> 8 != 13 else bytes(12))
    total = checksum(struct.pack("!HH", port, 0) + body)
    return struct.pack("!HH", port, total) + body


def _sctp(source: int, target: int, chunk: int, tag: int, index: int, word: int) -> bytes:
    """A packet with one chunk that begins an association (RFC 9260, 3.3.2), its verification tag and all."""
    body = struct.pack("!BBHIIHHI", chunk, word, 20, index + 1, 65536, 1, 1, index)
    total = _crc32c(struct.pack("!HHII", source, target, tag, 0) + body)
    return struct.pack("!HHI", source, target, tag) + total.to_bytes(4, "little") + body


def _crc32c(data: bytes) -> int:
    value = 0xFFFFFFFF
    for byte in data:
        value = (value >> 8) ^ _CRC32C[(value ^ byte) & 0xFF]
    return value ^ 0xFFFFFFFF


def _remainder(value: int) -> int:
    for _ in itertools.repeat(None, 8):
        value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
    return value


_CRC32C = [_remainder(value) for value in range(256)]
