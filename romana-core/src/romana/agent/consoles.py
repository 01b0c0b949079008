"""The consoles of guests, which ask for no password: only the machine with their proxy may reach them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address

PORTS = range(1, 65536)


@dataclass(frozen=True, slots=True)
class Consoles:
    """TCP ports of this host, the first and the last, and the one address that may reach them."""

    first: int
    last: int
    proxy: IPv4Address

    @property
    def rules(self) -> tuple[str, ...]:
        """Rules for nft, of what comes to this host itself."""
        asked = f'iifname != "lo" tcp dport {self.first}-{self.last}'
        return (f"{asked} meta nfproto ipv6 drop", f"{asked} ip saddr != {self.proxy} drop")


def parse(text: str) -> Consoles:
    """'192.168.99.10:5900-6079' -> who may reach what. Raises ValueError saying what would be right."""
    host, _, ports = text.rpartition(":")
    bounds = ports.split("-")
    try:
        proxy = IPv4Address(host)
        first, last = (int(bound) for bound in bounds if bound.isascii() and bound.isdecimal())
    except (AddressValueError, ValueError):
        first = last = 0
    if first not in PORTS or last not in PORTS or first > last:
        raise ValueError(f"{text!r} is not an address and ports; write it like 192.168.99.10:5900-6079")
    return Consoles(first, last, proxy)
