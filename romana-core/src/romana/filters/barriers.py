"""Chains of others that drop what we need, each with the commands that let it through, for good. Pure.

A packet passes only if every table lets it: what our own table accepts, another one may still drop.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network

from romana.filters import iptables, nft
from romana.filters.rules import BROADCAST, Chain, Fate, Filter, Packet, fate

OWN = ("inet romana", "ip romana")
HOOKS = ("input", "forward", "output")
MOST_COMMANDS = 6
# What makes the commands before it last; said once, at the end.
RELOADS = ("firewall-cmd --reload", "netfilter-persistent save (of the package iptables-persistent)")


@dataclass(frozen=True)
class Opening:
    """What is to be let through: by its addresses, and the protocol and port it is for where that matters."""

    source: str = ""
    target: str = ""
    protocol: str = ""
    port: int = 0


@dataclass(frozen=True)
class Need:
    """What has to pass a hook: in words, as packets, and what lets it through."""

    hook: str
    what: str
    packets: tuple[Packet, ...]
    openings: tuple[Opening, ...]


@dataclass(frozen=True)
class Barrier:
    """A chain that drops what is needed, or may. fix: commands."""

    chain: str
    how: str
    what: tuple[str, ...]
    certain: bool
    fix: tuple[str, ...]

    def __str__(self) -> str:
        """One sentence, with what to do."""
        more = f" and {len(self.fix) - MOST_COMMANDS} more like these" if len(self.fix) > MOST_COMMANDS else ""
        fix = "; ".join(self.fix[:MOST_COMMANDS]) + more
        test = "" if self.certain else "; ./romana-setup verify tells whether it does"
        return f"chain {self.chain} {self.in_words()}; let it through, as root: {fix}{test}"

    def in_words(self) -> str:
        """What it does."""
        return f"({self.how}) {'drops' if self.certain else 'may drop'} {', '.join(self.what)}"


def filters(nft_listing: str, iptables_nft: str = "", iptables_legacy: str = "") -> list[Filter]:
    """All tables of a machine.

    Args:
        nft_listing: what `nft --json list ruleset` prints; empty where there is no nft.
        iptables_nft: what iptables-nft-save prints; it is heard of tables that nft does not tell all of.
        iptables_legacy: what iptables-legacy-save prints.
    """
    made = {table.name: table for table in nft.tables(nft_listing)}
    for table in iptables.tables(iptables_nft):
        if table.name not in made or nft.uses_xtables(nft_listing, table.name):
            made[table.name] = table
    return [*made.values(), *iptables.tables(iptables_legacy, "iptables-legacy")]


def barriers(tables: Iterable[Filter], needs: Sequence[Need]) -> list[Barrier]:
    """The chains that stand in the way, in the order of the tables."""
    found = []
    for table in tables:
        if table.name in OWN:
            continue
        for name, chain in table.chains.items():
            if chain.hook in HOOKS:
                found += list(_of_chain(table, name, chain, needs))
    return found


def dhcp_and_forward(plan: IPv4Network) -> list[Need]:
    """What each host with endpoints needs. plan: where their addresses are."""
    between, own = "tap0", ""
    ways = ((between, own), (own, between))
    forward = tuple(Packet(plan, plan, *way, protocol) for way in ways for protocol in ("tcp", "udp", "icmp"))
    ask = Packet(IPv4Network("0.0.0.0/32"), BROADCAST, between, own, "udp", 68, 67)
    answer = Packet(plan, plan, own, between, "udp", 67, 68)
    return [
        Need("forward", "packets of endpoints", forward, (Opening(str(plan)), Opening("", str(plan)))),
        Need("input", "endpoints' DHCP", (ask,), (Opening("", "", "udp", 67),)),
        Need("output", "DHCP's answers", (answer,), (Opening("", str(plan)),)),
    ]


def _of_chain(table: Filter, name: str, chain: Chain, needs: Sequence[Need]) -> Iterator[Barrier]:
    """One barrier for what a chain drops for certain, one for what it may drop."""
    fates = {need: {fate(table, name, packet) for packet in need.packets} for need in needs if need.hook == chain.hook}
    for certain in (True, False):
        stopped = [need for need, seen in fates.items() if _is_stopped(seen) == certain and seen != {Fate.PASSES}]
        if not stopped:
            continue
        seen = set[Fate]().union(*(fates[need] for need in stopped))
        how = "policy drop" if Fate.POLICY_DROPS in seen or chain.policy == "drop" else "by its rules"
        fix = [command for need in stopped for opening in need.openings for command in _commands(table, name, opening)]
        what = tuple(need.what for need in stopped)
        label = f"{table.name} {name}" + (f" of {table.kind}" if table.kind == "iptables-legacy" else "")
        last = list(dict.fromkeys(command for command in fix if command in RELOADS))
        yield Barrier(label, how, what, certain, (*dict.fromkeys(c for c in fix if c not in RELOADS), *last))


def _is_stopped(seen: set[Fate]) -> bool:
    return bool(seen & {Fate.POLICY_DROPS, Fate.RULE_DROPS})


def _commands(table: Filter, chain: str, opening: Opening) -> list[str]:
    """What lets it through for good, by the program that keeps the table."""
    if table.name.endswith(" firewalld"):
        return _of_firewalld(opening)
    if table.name == "ip filter":
        if any(name.startswith("ufw") for name in table.chains):
            return [_of_ufw(table.chains[chain].hook, opening)]
        program = "iptables-legacy" if table.kind == "iptables-legacy" else "iptables"
        if chain == "FORWARD" and "DOCKER-USER" in table.chains:
            return [f"{program} -I DOCKER-USER {_of_iptables(opening)}-j ACCEPT", RELOADS[1]]
        if chain.isupper():
            return [f"{program} -I {chain} {_of_iptables(opening)}-j ACCEPT", RELOADS[1]]
    rule = f"nft insert rule {table.name} {chain} {_of_nft(opening)}accept"
    return [rule, "the same in the file that makes the table, often /etc/nftables.conf"]


def _of_firewalld(opening: Opening) -> list[str]:
    if opening.port:
        how = f"--add-port={opening.port}/{opening.protocol}"
    else:
        how = f"--zone=trusted --add-source={opening.source or opening.target}"
    return [f"firewall-cmd --permanent {how}", RELOADS[0]]


def _of_ufw(hook: str, opening: Opening) -> str:
    verb = {"forward": "route allow", "input": "allow", "output": "allow out"}[hook]
    protocol = f"proto {opening.protocol} " if opening.protocol else ""
    port = f" port {opening.port}" if opening.port else ""
    return f"ufw {verb} {protocol}from {opening.source or 'any'} to {opening.target or 'any'}{port}"


def _of_iptables(opening: Opening) -> str:
    parts: Mapping[str, str] = {"-s": opening.source, "-d": opening.target, "-p": opening.protocol}
    words = [f"{option} {value} " for option, value in parts.items() if value]
    return "".join(words) + (f"--dport {opening.port} " if opening.port else "")


def _of_nft(opening: Opening) -> str:
    source = f"ip saddr {opening.source} " if opening.source else ""
    target = f"ip daddr {opening.target} " if opening.target else ""
    return source + target + (f"{opening.protocol} dport {opening.port} " if opening.port else "")
