"""Watches a floating IP from outside and from its endpoints: who is asked by it, is seen as it, answers ARP for it."""

from __future__ import annotations

import selectors
import socket
import struct
from collections import deque
from collections.abc import Callable
from functools import partial
from ipaddress import IPv4Address, IPv4Network
from itertools import cycle

from agent_lab import Guest, Namespace, Node
from calls import NOWHERE
from inside import inside

ASKED, TOLD = 7001, 7002  # ports of guests, and of who is outside
KEPT = 50  # sockets whose answers may still come
# Of new conversations, by turns: one from a port that had another a minute ago is a part of that to the kernel.
# None of them is one that it chooses by itself.
PORTS = range(10_000, 32_000)
PLAN = IPv4Network("10.0.0.0/8")
ETH_P_IP, ETH_P_ARP = 0x0800, 0x0806
ARP = struct.Struct("!HHBBH6s4s6s4s")
REQUEST, REPLY = 1, 2
PATIENCE = 10.0  # seconds for an answer to ARP


class FloatingWatch:
    """Asks a floating IP without a pause, and has guests speak to the outside.

    Each in a long conversation, guests in the one since `begin`, and each time in a new one.

    Args:
        outside: who asks, and is spoken to at its own address.
        address: its own address.
        floating: the floating IP.
        guests: those that may have it; they are known by their numbers here.

    Attributes:
        twice: questions that have reached more than one guest.
        leaked: sources of packets outside that are addresses of the plan.
        reached: guests that questions have reached which were asked since `forget`.
        answered: (guest, whether in the long conversation) that answers to such questions have come from.
        seen: as whom each guest is seen outside by what it has told since `forget`; by guest and whether in the long
            conversation.
    """

    def __init__(self, outside: Namespace, address: str, floating: str, guests: list[Guest]) -> None:
        self._outside, self._address, self._floating = outside, address, floating
        self._guests = [guest.inside for guest in guests]
        self._selector = selectors.DefaultSelector()
        self._made: deque[socket.socket] = deque()
        self._ports = cycle(PORTS)
        self._kept: list[socket.socket] = []
        self._asked = self._asked_before = self._epoch = 0
        self._who: dict[int, int] = {}
        self.twice: set[int] = set()
        self.leaked: set[str] = set()
        self.forget()
        self._steady = self._keep(outside, partial(self._hear_answer, steady=True))
        self._keep(outside, self._hear_guest, ("", TOLD))
        for number, guest in enumerate(self._guests):
            self._keep(guest, partial(self._hear_question, guest=number), ("", ASKED))
        self._tellers: list[socket.socket] = []
        self.begin()
        with inside(outside.name):
            sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP))
            sniffer.bind(("eth0", ETH_P_IP))
        self._watch(sniffer, self._sniff)
        self._kept.append(sniffer)

    def begin(self) -> None:
        """Have guests begin another long conversation."""
        for one in self._tellers:
            self._selector.unregister(one)
            self._kept.remove(one)
            one.close()
        self._tellers = [self._keep(guest, _received) for guest in self._guests]

    def forget(self) -> None:
        """What has been seen so far, but for what must never be, and what is still on its way."""
        self._asked_before = self._asked
        self._epoch = (self._epoch + 1) % 256
        self.reached: set[int] = set()
        self.answered: set[tuple[int, bool]] = set()
        self.seen: dict[tuple[int, bool], set[str]] = {}

    def go_on(self, seconds: float) -> None:
        """Ask and tell once more, and take in what comes for that long, and then what has come."""
        self._ask(self._steady)
        port = next(self._ports)
        self._ask(self._anew(self._outside, port, partial(self._hear_answer, steady=False)))
        for number, (guest, teller) in enumerate(zip(self._guests, self._tellers, strict=True)):
            self._tell(teller, number, steady=True)
            self._tell(self._anew(guest, port, _received), number, steady=False)
        while ready := self._selector.select(seconds):
            seconds = 0
            for key, _ in ready:
                handler: Callable[[socket.socket], None] = key.data
                handler(key.fileobj)  # type: ignore[arg-type]

    def answering(self, nodes: list[Node]) -> list[str]:
        """Names of the nodes that answer ARP for the floating IP when they are asked."""
        return [node.name for node in nodes if self._answers(node)]

    def close(self) -> None:
        """Give the sockets back."""
        self._selector.close()
        for one in (*self._kept, *self._made):
            one.close()

    def _answers(self, node: Node) -> bool:
        """Asked for both, a node that answers for its own address alone does not answer for the floating IP."""
        own = (self._outside.json("ip", "-j", "link", "show", "eth0"))[0]["address"]
        mac, node_mac = (bytes.fromhex(text.replace(":", "")) for text in (own, node.mac()))
        with inside(self._outside.name):
            channel = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ARP))
        with channel:
            channel.bind(("eth0", ETH_P_ARP))
            channel.settimeout(PATIENCE)
            # To the node alone: it answers for others at once then, not after a pause.
            for wanted in (self._floating, node.address):
                body = ARP.pack(1, ETH_P_IP, 6, 4, REQUEST, mac, _packed(self._address), bytes(6), _packed(wanted))
                channel.send(node_mac + mac + struct.pack("!H", ETH_P_ARP) + body)
            answered = set()
            while _packed(node.address) not in answered:
                frame = channel.recv(2048)
                _, _, _, _, kind, _, who, _, _ = ARP.unpack_from(frame, 14)
                if kind == REPLY and frame[6:12] == node_mac:
                    answered.add(who)
        return _packed(self._floating) in answered

    def _keep(
        self, where: Namespace, handler: Callable[[socket.socket], None], bound: tuple[str, int] = ("", 0)
    ) -> socket.socket:
        """A socket for datagrams; handler: takes in what has come."""
        with inside(where.name):
            made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        made.bind(bound)
        self._kept.append(made)
        self._watch(made, handler)
        return made

    def _anew(self, where: Namespace, port: int, handler: Callable[[socket.socket], None]) -> socket.socket:
        """One for a conversation of its own."""
        made = self._keep(where, handler, ("", port))
        self._kept.remove(made)
        self._made.append(made)
        if len(self._made) > KEPT:
            old = self._made.popleft()
            self._selector.unregister(old)
            old.close()
        return made

    def _watch(self, one: socket.socket, handler: Callable[[socket.socket], None]) -> None:
        one.setblocking(False)
        self._selector.register(one, selectors.EVENT_READ, handler)

    def _ask(self, channel: socket.socket) -> None:
        self._asked += 1
        _send(channel, struct.pack("!I", self._asked), (self._floating, ASKED))

    def _tell(self, channel: socket.socket, guest: int, *, steady: bool) -> None:
        _send(channel, bytes([guest, steady, self._epoch]), (self._address, TOLD))

    def _hear_question(self, channel: socket.socket, guest: int) -> None:
        for data, asker in _received(channel):
            (number,) = struct.unpack("!I", data)
            if number > self._asked_before:
                self.reached.add(guest)
            if self._who.setdefault(number, guest) != guest:
                self.twice.add(number)
            _send(channel, bytes([guest]) + data, asker)

    def _hear_answer(self, channel: socket.socket, *, steady: bool) -> None:
        for data, (who, _) in _received(channel):
            (number,) = struct.unpack("!I", data[1:])
            if who == self._floating and number > self._asked_before:
                self.answered.add((data[0], steady))

    def _hear_guest(self, channel: socket.socket) -> None:
        for (guest, steady, epoch), (who, _) in _received(channel):
            if epoch == self._epoch:
                self.seen.setdefault((guest, bool(steady)), set()).add(who)

    def _sniff(self, channel: socket.socket) -> None:
        for packet, _ in _received(channel):
            source = IPv4Address(packet[12:16])
            if source in PLAN:
                self.leaked.add(str(source))


def _packed(address: str) -> bytes:
    return socket.inet_aton(address)


def _send(channel: socket.socket, data: bytes, to: tuple[str, int]) -> None:
    try:
        channel.sendto(data, to)
    except (PermissionError, ConnectionError):
        pass  # what an ICMP error of an earlier packet has left
    except OSError as error:
        if error.errno not in NOWHERE:
            raise


def _received(channel: socket.socket) -> list[tuple[bytes, tuple[str, int]]]:
    found = []
    for _ in range(1000):
        try:
            found.append(channel.recvfrom(2048))
        except BlockingIOError:
            break
        except OSError:  # an ICMP error of an earlier packet
            continue
    return found
