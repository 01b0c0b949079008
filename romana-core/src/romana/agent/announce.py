"""Tells the neighbours on a network that an address is to be reached here from now on: a gratuitous ARP (RFC 5227)."""

from __future__ import annotations

import socket
import struct

ETHERTYPE_ARP = 0x0806
BROADCAST = b"\xff" * 6
_ARP = struct.Struct("!HHBBH6s4s6s4s")


def announcement(mac: str, address: str) -> bytes:
    """The frame: a request for an address from the address itself, which whoever knows it takes as the news it is."""
    hardware, own = bytes.fromhex(mac.replace(":", "")), socket.inet_aton(address)
    arp = _ARP.pack(1, 0x0800, 6, 4, 1, hardware, own, bytes(6), own)
    return BROADCAST + hardware + struct.pack("!H", ETHERTYPE_ARP) + arp


def announce(interface: str, mac: str, address: str) -> None:
    """Send it by an interface of Ethernet. Raises OSError."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as channel:
        channel.bind((interface, ETHERTYPE_ARP))
        channel.send(announcement(mac, address))
