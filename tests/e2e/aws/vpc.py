"""What a VPC's network consists of, as far as packets notice, and the packet filter that this makes. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Network

MTU = 9001
INTERNET = "internet"  # the link between the VPC and users
UPLINK = "uplink"  # a link to real mirrors, where there is one
PRIVATE = "{ 10.0.0.0/8, 100.64.0.0/10, 169.254.0.0/16, 172.16.0.0/12, 192.168.0.0/16 }"
ALL, ICMP = "-1", "icmp"
ANYWHERE = "0.0.0.0/0"
# Packets that no security group is asked about: answers, and what the VPC's own services send.
EXPECTED = "0x1"


@dataclass(frozen=True)
class Rule:
    """What a security group lets in. protocol: as EC2 writes it; first, last: ports; source: a network."""

    protocol: str
    first: int
    last: int
    source: str


@dataclass(frozen=True)
class Interface:
    """A network interface.

    public: its address outside, empty without one; subnet: the network it is in; checked: whether its packets must be
    from and to its own addresses; rules: what all its security groups let in; more: its other addresses, each with the
    one that it has outside, empty without one.
    """

    identity: str
    mac: str
    address: str
    public: str
    subnet: str
    checked: bool
    rules: tuple[Rule, ...] = ()
    more: tuple[tuple[str, str], ...] = ()

    @property
    def outside(self) -> dict[str, str]:
        """The addresses by which those outside reach it, by the address that each leads to."""
        return {private: public for private, public in ((self.address, self.public), *self.more) if public}

    @property
    def own(self) -> str:
        """Its addresses, as nft lists them."""
        return ", ".join([self.address, *(private for private, _ in self.more)])

    @property
    def port(self) -> str:
        """The name of its end in the VPC."""
        return f"p{self.identity[-14:]}"

    @property
    def bridge(self) -> str:
        """The name of the bridge of its subnet."""
        return bridge(self.subnet)


@dataclass(frozen=True)
class Vpc:
    """All of it. subnets: networks; routes: the interface's address by network; open: whether a gateway leads out."""

    subnets: tuple[str, ...] = ()
    interfaces: tuple[Interface, ...] = ()
    routes: dict[str, str] = field(default_factory=dict)
    open: bool = False


def bridge(subnet: str) -> str:
    """The name of a subnet's bridge."""
    return f"br-{int(IPv4Network(subnet).network_address):08x}"


def router(subnet: str) -> str:
    """The address at which the VPC routes; with the network's length."""
    network = IPv4Network(subnet)
    return f"{network[1]}/{network.prefixlen}"


def resolver(subnet: str) -> str:
    """The address of the name server of a subnet."""
    return str(IPv4Network(subnet)[2])


def ruleset(vpc: Vpc) -> str:
    """What nft reads: checks at each interface, and the gateway's exchange of addresses."""
    return "\n".join(
        ["flush ruleset", "table bridge vpc {", *_at_ports(vpc), "}", "table inet vpc {", *_routed(vpc), "}"]
    )


def _at_ports(vpc: Vpc) -> Iterator[str]:
    for interface in vpc.interfaces:
        yield f"chain from-{interface.port} {{"
        yield from _sent(interface)
        yield "}"
        yield f"chain to-{interface.port} {{"
        yield from _received(interface)
        yield "}"
    yield "chain sent { type filter hook prerouting priority 0;"
    yield from (f"iifname {interface.port} jump from-{interface.port}" for interface in vpc.interfaces)
    yield "}"
    yield "chain received { type filter hook postrouting priority 0;"
    yield from (f"oifname {interface.port} jump to-{interface.port}" for interface in vpc.interfaces)
    yield "}"


def _sent(interface: Interface) -> Iterator[str]:
    yield f"ether saddr != {interface.mac} drop"
    yield f"ether type arp arp saddr ip != {{ 0.0.0.0, {interface.own} }} drop"
    yield f"ether type arp arp daddr ip != {interface.subnet} drop"
    yield "ether type arp return"
    yield "ether type != ip drop"
    yield "ether daddr ff:ff:ff:ff:ff:ff udp dport 67 return"
    yield "ether daddr & 01:00:00:00:00:00 == 01:00:00:00:00:00 drop"
    if interface.checked:
        yield f"ip saddr != {{ {interface.own} }} drop"


def _received(interface: Interface) -> Iterator[str]:
    yield "ether type arp return"
    if interface.checked:
        yield f"ip daddr != {{ 255.255.255.255, {interface.own} }} drop"
    yield f"meta mark {EXPECTED} return"
    yield from (f"ip saddr {rule.source} {_match(rule)} return" for rule in interface.rules)
    yield "drop"


def _match(rule: Rule) -> str:
    if rule.protocol == ALL:
        return ""
    if rule.protocol == ICMP:
        return "ip protocol icmp"
    return f"ip protocol {rule.protocol} {rule.protocol} dport {rule.first}-{rule.last}"


def _routed(vpc: Vpc) -> Iterator[str]:
    known = {
        public: private for interface in vpc.interfaces if vpc.open for private, public in interface.outside.items()
    }
    inward = ", ".join(f"{public} : {private}" for public, private in known.items())
    outward = ", ".join(f"{private} : {public}" for public, private in known.items())
    # Who asks at an address that nobody has hears nothing.
    yield "chain known { type filter hook prerouting priority raw;"
    yield f"iifname {INTERNET} ip daddr != {{ {', '.join(known)} }} drop" if known else f"iifname {INTERNET} drop"
    yield "}"
    # Bridged packets pass here, too, and only here it is known whether they are answers.
    yield "chain answers { type filter hook prerouting priority mangle;"
    yield f"ct state established,related meta mark set {EXPECTED}"
    yield "}"
    yield f"chain services {{ type filter hook output priority filter; meta mark set {EXPECTED}; }}"
    yield "chain inward { type nat hook prerouting priority dstnat;"
    if known:
        yield f"iifname {INTERNET} dnat ip to ip daddr map {{ {inward} }}"
    yield "}"
    yield "chain passing { type filter hook forward priority filter;"
    yield f"iifname {INTERNET} ct status snat,dnat accept"
    yield f"iifname {INTERNET} drop"
    yield f"iifname {UPLINK} ct state != {{ established, related }} drop"
    yield f"oifname {UPLINK} ip daddr {PRIVATE} drop"
    outside = f"oifname {{ {INTERNET}, {UPLINK} }}"
    yield f"{outside} ip saddr != {{ {', '.join(known.values())} }} drop" if known else f"{outside} drop"
    yield "}"
    yield "chain outward { type nat hook postrouting priority srcnat;"
    if known:
        yield f"oifname {INTERNET} snat ip to ip saddr map {{ {outward} }}"
        yield f"oifname {UPLINK} masquerade"
    yield "}"
