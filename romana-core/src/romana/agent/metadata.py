"""The metadata service of the cloud, as guests find it: at an address that everyone's guest has for it. Pure.

A guest's connection to that address is sent on to the service by this host. The source stays the guest's own, which is
how the service knows whose metadata are asked for; spoof protection stands before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address

WELL_KNOWN = "169.254.169.254"
PORT = 80


@dataclass(frozen=True, slots=True)
class Metadata:
    """Where the service really is."""

    address: IPv4Address
    port: int

    @property
    def redirection(self) -> str:
        """Rule of a chain that translates addresses, for nft: for guests' packets, and for nobody else's."""
        asked = f"iifname @taps ip daddr {WELL_KNOWN} tcp dport {PORT}"
        return f"{asked} dnat ip to {self.address}:{self.port}"

    @property
    def question(self) -> str:
        """Expression for nft: a guest's packet to the service, that came by way of `redirection`."""
        return f"ct direction original {_REDIRECTED} ip daddr {self.address} tcp dport {self.port}"

    @property
    def answer(self) -> str:
        """Expression for nft: the service's packet in reply to such a one."""
        return f"ct direction reply {_REDIRECTED} ip saddr {self.address} tcp sport {self.port}"


_REDIRECTED = f"ct status dnat ct original ip daddr {WELL_KNOWN}"


def parse(text: str) -> Metadata:
    """'192.168.99.10:8775' -> where that is. Raises ValueError saying what would be right."""
    host, _, port = text.rpartition(":")
    try:
        address = IPv4Address(host)
    except AddressValueError:
        address = None
    if address is None or not (port.isascii() and port.isdecimal() and 1 <= int(port) <= 65535):
        raise ValueError(f"{text!r} is not an address and port; write it like 192.168.99.10:8775")
    if address.is_loopback or address.is_multicast or address.is_unspecified or address.is_link_local:
        raise ValueError(f"guests cannot be sent to {address}; give the address by which other hosts reach the service")
    return Metadata(address, int(port))
