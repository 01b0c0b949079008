"""The firewall as data: two tables with a fixed number of rules; all that grows is elements of sets. Pure.

Isolation is decided where a packet is delivered to a tap. Packets between segments that may talk both ways are judged
by one look-up in `pairs` and are not tracked. Everything else is tracked, and each packet of a connection, also a
reply, is judged by what its first packet asked for: so a policy that goes away ends the connections it let in.
Guests' connections to the metadata service are sent on to where it is, and pass beside all policies.
Where some host belongs to a tenant, what comes from hosts is judged before all that: see `senders`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

from romana.agent.consoles import Consoles
from romana.agent.desired import Desired
from romana.agent.metadata import Metadata
from romana.agent.senders import Senders
from romana.agent.traffic import Element

TABLE = "romana"
Elements = dict[str, frozenset[Element]]


@dataclass(frozen=True, slots=True)
class Set:
    """A set of a table: its type, as nft writes it; whether its elements may be intervals; what it is the type of."""

    type: tuple[str, ...]
    interval: bool = False
    typeof: str | None = None  # an expression, where nft has no name for the type


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain; `hook`, `priority` and `type` only when packets enter the table by it."""

    rules: tuple[str, ...]
    hook: str | None = None
    priority: int = 0
    type: str = "filter"


@dataclass(frozen=True, slots=True)
class Table:
    """A table's fixed part."""

    family: str
    sets: Mapping[str, Set]
    chains: Mapping[str, Chain]


@dataclass(frozen=True, slots=True)
class ObservedTable:
    """A table as the kernel has it. `shape`: its sets and chains; `rules`: in a form that can only be compared."""

    shape: frozenset[tuple[object, ...]]
    rules: tuple[str, ...]
    elements: Elements


CLIENT = "iifname . @th,288,48"  # interface, and the hardware address a DHCP client says it has
SPOOF_SETS = {"taps": Set(("ifname",)), "sources": Set(("ifname", "ether_addr", "ipv4_addr"))}
# The other kinds that are about a connection are given up (RFC 6633), or would have a host change its routes.
ERROR = "icmp type { destination-unreachable, time-exceeded, parameter-problem }"
_SERVICE = ("ipv4_addr", "ipv4_addr", "inet_proto", "inet_service")


def inet_table(
    wanted: Desired, metadata: Metadata | None = None, consoles: Consoles | None = None, *, routers: bool = False
) -> Table:
    """The table that judges IP packets; only those from and to taps of endpoints, and what asks for a console.

    Args:
        wanted: what the host must have.
        metadata: the service that guests find at its well-known address; None: there is none.
        consoles: who may reach those of guests; None: that is not for us to say.
        routers: whether packets of other hosts may come by way of routers.
    """
    mask = wanted.plan.segment_mask
    plan = wanted.plan.cidr
    host_mask = IPv4Network(wanted.prefix).netmask
    source, target = f"ip saddr & {mask}", f"ip daddr & {mask}"
    asker, asked = f"ct original ip saddr & {mask}", f"ct original ip daddr & {mask}"
    # Pairs both ways: no reply will have to be recognized.
    untrack = f"{source} . {target} @pairs {target} . {source} @pairs notrack"
    # What a connection's first packet asked for, of the connection that an ICMP error is about.
    service = "ct original protocol . ct original proto-dst"
    question = (f"{metadata.question} accept",) if metadata else ()
    answer = (f"{metadata.answer} accept",) if metadata else ()
    # Of what comes by no tap of ours, only hosts' packets may have endpoints' sources. What another program has behind
    # an interface of its own comes by no way that leads back there. Real devices have no kind, so the rule passes them.
    stranger = (
        f'meta iifkind != "none" ip saddr {plan} ip daddr {plan}'
        " fib daddr type != local fib saddr . iif oif missing drop"
    )
    senders = Senders(wanted, routers) if wanted.restricts else None
    entrance = (senders.entrance,) if senders else ()
    beyond = (f"{senders.beyond} accept",) if senders else ()
    chains = {
        # A guest's packet with its own source takes one look-up here, and one in `forward` if it is within a pair.
        "prerouting": Chain(
            (
                "iifname . ether saddr . ip saddr @sources goto own_source",
                "iifname @taps drop",
                stranger,
                *entrance,
                untrack,
            ),
            "prerouting",
            -300,
        ),
        "own_source": Chain((untrack,)),
        "forward": Chain(
            (f"{source} . {target} @pairs goto paired", "oifname @taps goto deliver", "iifname @taps goto leave"),
            "forward",
            0,
        ),
        "paired": Chain(
            (
                f"ip daddr {wanted.prefix} accept",
                f"ip daddr & {host_mask} @remotes accept",
                *beyond,
                "drop",  # no such host: it would leave by the default route
            )
        ),
        "deliver": Chain(
            (
                # Path MTU discovery works; that other hosts answer traceroute does not.
                "icmp type destination-unreachable icmp code frag-needed ip saddr @hosts accept",
                "ct state related goto related",
                "ct direction original goto asking",
                "ct direction reply goto answering",
                "drop",
            )
        ),
        "asking": Chain(
            (
                f"{source} . {target} . meta l4proto . th dport @flows accept",
                f"ip saddr != {plan} ip saddr . {target} . meta l4proto . th dport @inward accept",
                "drop",
            )
        ),
        "answering": Chain(
            (
                *answer,
                f"{asker} . {asked} @pairs accept",
                f"{asker} . {asked} . meta l4proto . th sport @flows accept",
                f"ct original ip daddr != {plan}"
                f" {asker} . ct original ip daddr . meta l4proto . th sport @outward accept",
                "drop",
            )
        ),
        # An error says what its sender likes. So it passes only from whom its target may ask that very thing, or who
        # may ask its target; the kernel has seen to it that it goes to an end of the connection it is about: its
        # direction says to which.
        "related": Chain(
            (
                f"{ERROR} ct direction reply {asker} . {source} @pairs accept",
                f"{ERROR} ct direction reply {asker} . {source} . {service} @flows accept",
                f"{ERROR} ct direction original {source} . {asked} . {service} @flows accept",
                f"ip saddr {plan} drop",
                f"{ERROR} ct direction reply {asker} . ct original ip daddr . {service} @outward accept",
                f"{ERROR} ct direction original ct original ip saddr . {asked} . {service} @inward accept",
                "drop",
            )
        ),
        "leave": Chain(
            (
                *question,
                f"ip daddr & {host_mask} @remotes accept",  # judged there
                *beyond,
                f"ct direction original {source} . ip daddr . meta l4proto . th dport @outward accept",
                f"ct direction reply ct original ip saddr . {asked} . meta l4proto . th sport @inward accept",
                f"ct state related {ERROR} ct direction reply"
                f" ct original ip saddr . {asked} . {service} @inward accept",
                "drop",
            )
        ),
        "input": Chain((*(consoles.rules if consoles else ()), "iifname @taps goto node"), "input", 0),
        "node": Chain(
            (
                "ct state established accept",
                f"ct state related {ERROR} accept",
                *question,  # it is on this very host
                # else a guest could decline the address of another
                f"udp sport 68 udp dport 67 {CLIENT} @clients accept",
                f"icmp type echo-request ip daddr {wanted.gateway} accept",
                "drop",
            )
        ),
    }
    if metadata:
        # Before anybody else's translation: a packet gets but one.
        chains["metadata"] = Chain((metadata.redirection,), "prerouting", -110, "nat")
    sets = SPOOF_SETS | {
        "clients": Set(("ifname", "integer"), typeof=CLIENT),
        "pairs": Set(("ipv4_addr", "ipv4_addr")),
        "remotes": Set(("ipv4_addr",)),
        "hosts": Set(("ipv4_addr",)),
        "flows": Set(_SERVICE, interval=True),
        "inward": Set(_SERVICE, interval=True),
        "outward": Set(_SERVICE, interval=True),
    }
    if senders:
        chains["sender"] = Chain(senders.rules)
        sets |= {"senders": Set(senders.type), "owned": Set(("ipv4_addr",))}
    return Table("inet", sets, chains)


def arp_table() -> Table:
    """The table that keeps endpoints from speaking for addresses that are not theirs, and the neighbour table small."""
    rules = ("iifname != @taps accept", "iifname . arp saddr ether . arp saddr ip @sources accept", "drop")
    return Table("arp", SPOOF_SETS, {"input": Chain(rules, "input", 0)})


def elements(wanted: Desired, lingering: Iterable[str], routers: bool = False) -> dict[str, Elements]:
    """Elements of each table, by family.

    Args:
        wanted: what the host must have.
        lingering: interfaces of endpoints that are gone; they stay shut until the interface goes, too.
        routers: as `inet_table` was told.
    """
    taps = frozenset({(item.interface,) for item in wanted.endpoints} | {(name,) for name in lingering})
    # 0.0.0.0: a DHCP client, or one that probes whether its address is free
    sources = frozenset(
        (item.interface, item.mac, address)
        for item in wanted.endpoints
        for address in (item.address, "0.0.0.0")  # noqa: S104 - a source to match, not one to listen on
    )
    clients = frozenset((item.interface, str(int(item.mac.replace(":", ""), 16))) for item in wanted.endpoints)
    allowed = wanted.traffic
    senders = Senders(wanted, routers) if wanted.restricts else None
    return {
        "inet": {
            "taps": taps,
            "sources": sources,
            "clients": clients,
            "pairs": allowed.pairs,
            "remotes": frozenset((peer.prefix.partition("/")[0],) for peer in wanted.peers if peer.owned is None),
            "hosts": frozenset((peer.address,) for peer in wanted.peers),
            "flows": allowed.flows,
            "inward": allowed.inward,
            "outward": allowed.outward,
            **({"senders": senders.elements, "owned": senders.owned} if senders else {}),
        },
        "arp": {"taps": taps, "sources": sources},
    }


def shape(table: Table) -> frozenset[tuple[object, ...]]:
    """What `observe` finds as the shape of this table when nobody has tampered with it."""
    sets = {("set", name, item.type, item.interval) for name, item in table.sets.items()}
    chains = {
        ("chain", name, item.type, item.hook, item.priority, "accept")
        for name, item in table.chains.items()
        if item.hook
    }
    plain = {("chain", name, None, None, 0, None) for name, item in table.chains.items() if not item.hook}
    return frozenset(sets | chains | plain)


def observe(listing: str) -> ObservedTable:
    """Read what `nft --json --numeric-protocol list table` printed."""
    found: set[tuple[object, ...]] = set()
    rules: list[str] = []
    members: Elements = {}
    for entry in json.loads(listing)["nftables"]:
        if item := entry.get("set"):
            found.add(("set", item["name"], _type(item["type"]), item.get("flags", []) == ["interval"]))
            members[item["name"]] = frozenset(_element(member) for member in item.get("elem", []))
        elif item := entry.get("chain"):
            entered = (item.get("type"), item.get("hook"), item.get("prio", 0), item.get("policy"))
            found.add(("chain", item["name"], *entered))
        elif item := entry.get("rule"):
            rules.append(json.dumps([item["chain"], item["expr"]], sort_keys=True))
        elif not entry.keys() & {"metainfo", "table"}:
            found.add(("other", json.dumps(entry, sort_keys=True)))
    return ObservedTable(frozenset(found), tuple(rules), members)


def create(table: Table) -> list[str]:
    """Commands that make the table, its sets and chains where they are missing, and set all rules anew."""
    where = f"{table.family} {TABLE}"
    lines = [f"add table {where}"]
    for name, item in table.sets.items():
        flags = " flags interval;" if item.interval else ""
        kind = f"typeof {item.typeof}" if item.typeof else f"type {' . '.join(item.type)}"
        lines.append(f"add set {where} {name} {{ {kind};{flags} }}")
    for name, chain in table.chains.items():
        hook = f"type {chain.type} hook {chain.hook} priority {chain.priority}; policy accept;" if chain.hook else ""
        lines.append(f"add chain {where} {name} {{ {hook} }}")
    lines.append(f"flush table {where}")  # the rules; sets and chains stay
    lines += [f"add rule {where} {name} {rule}" for name, chain in table.chains.items() for rule in chain.rules]
    return lines


def delete(family: str) -> list[str]:
    """Commands that take a table away, whether it exists or not."""
    return [f"add table {family} {TABLE}", f"delete table {family} {TABLE}"]


def change(family: str, wanted: Elements, found: Elements) -> list[str]:
    """Commands that make `found` into `wanted`: only the elements that differ."""
    lines = []
    for verb, here, there in (("delete", found, wanted), ("add", wanted, found)):
        for name in wanted:
            if differing := here.get(name, frozenset()) - there.get(name, frozenset()):
                members = ", ".join(" . ".join(member) for member in sorted(differing))
                lines.append(f"{verb} element {family} {TABLE} {name} {{ {members} }}")
    return lines


def _type(kind: Any) -> tuple[str, ...]:
    """Newer versions of nft print the expression of a `typeof`, older ones the type."""
    if isinstance(kind, dict):
        parts = kind["typeof"].get("concat", [kind["typeof"]])
        return tuple("integer" if "payload" in part else "ifname" for part in parts)
    return (kind,) if isinstance(kind, str) else tuple(kind)


def _element(member: Any) -> Element:
    if isinstance(member, dict) and "elem" in member:  # written so when it has a comment or a timeout
        member = member["elem"]["val"]
    if isinstance(member, dict) and "concat" in member:
        return tuple(_field(part) for part in member["concat"])
    return (_field(member),)


def _field(part: Any) -> str:
    if not isinstance(part, dict):
        return str(part)
    if "range" in part:
        low, high = (str(bound) for bound in part["range"])
        return low if low == high else f"{low}-{high}"
    if "prefix" in part:
        network = IPv4Network((part["prefix"]["addr"], part["prefix"]["len"]))
        return str(network[0]) if network.num_addresses == 1 else f"{network[0]}-{network[-1]}"
    return json.dumps(part, sort_keys=True)
