"""The firewall as data: three tables with a fixed number of rules; all that grows is elements of sets. Pure.

Isolation is decided where a packet is delivered to a tap. Packets between segments that may talk both ways are judged
by one look-up in `pairs` and are not tracked. Everything else is tracked, and each packet of a connection, also a
reply, is judged by what its first packet asked for: so a policy that goes away ends the connections it let in.
What segments and policies let pass, groups judge then: on the host of who asks what it may ask for, on the host of who
is asked what may be asked of it (see `groups`). What is of an endpoint with groups is always tracked: who asks whom
could not be told later.
Last, bandwidth limits: of what a guest sends, of which all counts, and of what is delivered to it: see `bandwidth`.
Floating IPs are translated before and after all that: see `floating`.
Guests' connections to the metadata service are sent on to where it is, and pass beside all policies.
Where some host belongs to a tenant, what comes from hosts is judged before all that: see `senders`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

from romana.agent import floating, forwarding
from romana.agent.bandwidth import LIMITS, limits, terms
from romana.agent.consoles import Consoles
from romana.agent.desired import Desired
from romana.agent.metadata import Metadata
from romana.agent.senders import Senders
from romana.agent.traffic import Element

TABLE = "romana"
# A packet's priority, which nothing else needs on its way, holds the number of its profile or class: a TC handle.
_NUMBER = "classid"
Elements = dict[str, frozenset[Element]]


@dataclass(frozen=True, slots=True)
class Set:
    """A set or map of a table: its type, as nft writes it; whether its elements may be intervals; a map's data."""

    type: tuple[str, ...]
    interval: bool = False
    typeof: str | None = None  # expressions, where nft has no name for the type; of a map also for the data
    data: str | None = None  # the type of the last field of a map's elements; None: it is a set

    @property
    def kind(self) -> str:
        """As nft calls it."""
        return "map" if self.data else "set"


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


LINK_LOCAL = "169.254.0.0/16"
WITH_PORTS = ("tcp", "udp", "dccp", "sctp", "udplite")
CLIENT = "iifname . @th,288,48"  # interface, and the hardware address a DHCP client says it has
SPOOF_SETS = {
    "taps": Set(("ifname",)),
    "sources": Set(("ifname", "ether_addr", "ipv4_addr")),
    "lent": Set(("ifname", "ether_addr", "ipv4_addr"), interval=True),  # address pairs outside the plan
    "trusted": Set(("ifname",)),  # may send from any address outside the plan
}
# The other kinds that are about a connection are given up (RFC 6633), or would have a host change its routes.
ERROR = "icmp type { destination-unreachable, time-exceeded, parameter-problem }"
# All kinds that are about a connection: one that nobody knows of is not for groups to let pass.
ABOUT_OTHERS = "{ destination-unreachable, source-quench, redirect, time-exceeded, parameter-problem }"
_SERVICE = ("ipv4_addr", "ipv4_addr", "inet_proto", "inet_service")
GROUP_SETS = {
    "free": Set(("ipv4_addr",)),
    "egress": Set(("ipv4_addr",), data=_NUMBER),
    "ingress": Set(("ipv4_addr",), data=_NUMBER),
    "egress_taps": Set(("ifname",), data=_NUMBER),
    "near": Set((_NUMBER, "ipv4_addr"), data=_NUMBER),
    "far": Set((_NUMBER, "ipv4_addr"), interval=True, data=_NUMBER),
    "open": Set((_NUMBER,)),
    "protocols": Set((_NUMBER, "inet_proto")),
    "services": Set((_NUMBER, "inet_proto", "inet_service"), interval=True),
}
UNITS = {"bytes": 1, "kbytes": 1024, "mbytes": 1024**2}  # in which nft prints limits
LIMIT_SETS = {"egress_limits": Set(("ifname",), data="limit"), "ingress_limits": Set(("ifname",), data="limit")}
SENT = "limit name iifname map @egress_limits drop"
_WHOLE = ("meta priority @open return", "meta priority . ct protocol @protocols return")
GROUP_CHAINS = {
    # Who asks is judged by their groups, then who is asked by theirs. Interfaces matter only for addresses that are not
    # the endpoint's own, and a profile that lets everything pass needs no look at the other side. Who is asked is who
    # answers: a floating IP is nobody's own address. Who asks for one asks an address outside: whose it is, other hosts
    # do not know.
    "groups": Chain(
        (
            "ct state invalid,untracked goto unjudged",
            "meta priority set ct original ip saddr map @egress goto judge_asker",
            "ct direction original meta priority set iifname map @egress_taps goto judge_asker",
            "goto ask_asked",
        )
    ),
    "judge_asker": Chain(
        (
            "meta priority @open goto ask_asked",
            "meta priority set meta priority . ct original ip daddr map @near goto asker_class",
            "meta priority set meta priority . ct original ip daddr map @far goto asker_class",
            "goto asker_class",
        )
    ),
    "asker_class": Chain(("jump asker_services", "goto ask_asked")),
    "ask_asked": Chain(("meta priority set ct reply ip saddr map @ingress goto judge_asked", "accept")),
    "judge_asked": Chain(
        (
            "meta priority set meta priority . ct original ip saddr map @near goto asked_class",
            "meta priority set meta priority . ct original ip saddr map @far goto asked_class",
            "goto asked_class",
        )
    ),
    "asked_class": Chain(("jump asked_services", "accept")),
    # Of what connection it is nobody can tell. ICMP has types that begin none, and groups' rules may name them.
    "unjudged": Chain(
        (
            f"meta l4proto icmp icmp type != {ABOUT_OTHERS} goto message",
            "meta priority set ip saddr map @egress drop",
            "meta priority set iifname map @egress_taps drop",
            "meta priority set ip daddr map @ingress drop",
            "accept",
        )
    ),
    "message": Chain(
        (
            "meta priority set ip saddr map @egress jump message_out",
            "meta priority set iifname map @egress_taps jump message_out",
            "meta priority set ip daddr map @ingress jump message_in",
            "accept",
        )
    ),
    "message_out": Chain(
        (
            "meta priority set meta priority . ip daddr map @near goto message_class",
            "meta priority set meta priority . ip daddr map @far goto message_class",
            "goto message_class",
        )
    ),
    "message_in": Chain(
        (
            "meta priority set meta priority . ip saddr map @near goto message_class",
            "meta priority set meta priority . ip saddr map @far goto message_class",
            "goto message_class",
        )
    ),
    "message_class": Chain(
        (
            "meta priority @open return",
            "meta priority . meta l4proto @protocols return",
            "meta l4proto icmp meta priority . meta l4proto . th sport @services return",  # type and code
            "drop",
        )
    ),
    # Who asks may ask for what they asked for. Whether it may be asked for is about the port that answers: a floating
    # IP's may be another one.
    "asker_services": Chain(
        (
            *_WHOLE,
            # nft knows what a port is only where it knows the packet's protocol. An ICMP error is about any.
            *(
                f"meta l4proto {protocol} meta priority . ct protocol . ct original proto-dst @services return"
                for protocol in (*WITH_PORTS, "icmp")
            ),
            "drop",
        )
    ),
    "asked_services": Chain(
        (
            *_WHOLE,
            *(
                f"meta l4proto {protocol} meta priority . ct protocol . ct reply proto-src @services return"
                for protocol in WITH_PORTS
            ),
            "meta l4proto icmp ct protocol icmp"
            " meta priority . ct protocol . ct original proto-dst @services return",  # type and code
            "meta l4proto icmp ct protocol != icmp meta priority . ct protocol . ct reply proto-src @services return",
            "drop",
        )
    ),
}


def inet_table(
    wanted: Desired,
    metadata: Metadata | None = None,
    consoles: Consoles | None = None,
    *,
    routers: bool = False,
    masquerade: bool = False,
) -> Table:
    """The table that judges IP packets; only those from and to taps of endpoints, and what asks for a console.

    Args:
        wanted: what the host must have.
        metadata: the service that guests find at its well-known address; None: there is none.
        consoles: who may reach those of guests; None: that is not for us to say.
        routers: whether packets of other hosts may come by way of routers.
        masquerade: whether endpoints' packets leave the plan with the host's address.
    """
    mask = wanted.plan.segment_mask
    plan = wanted.plan.cidr
    host_mask = IPv4Network(wanted.prefix).netmask
    source, target = f"ip saddr & {mask}", f"ip daddr & {mask}"
    asker, asked = f"ct original ip saddr & {mask}", f"ct original ip daddr & {mask}"
    # Pairs both ways: no reply will have to be recognized.
    untrack = f"{source} . {target} @pairs {target} . {source} @pairs notrack"
    stray = f"ip saddr != {plan}"  # addresses of the plan are nobody's to lend: they say who is whom
    # What a connection's first packet asked for, of the connection that an ICMP error is about.
    service = "ct original protocol . ct original proto-dst"
    question = (f"{metadata.question} accept",) if metadata else ()
    answer = (f"{metadata.answer} accept",) if metadata else ()
    # Of what comes by no tap of ours, only hosts' packets may have endpoints' sources. What another program has behind
    # an interface of its own comes by no way that leads back there. Real devices have no kind, so the rule passes them.
    # For a floating IP it is not translated yet.
    strangers = tuple(
        f'meta iifkind != "none" ip saddr {plan} ip daddr {asked_there}'
        " fib daddr type != local fib saddr . iif oif missing drop"
        for asked_there in (plan, f"!= {plan} ip daddr @known_floats")
    )
    senders = Senders(wanted, routers) if wanted.restricts else None
    entrance = (senders.entrance,) if senders else ()
    beyond = (f"{senders.beyond} goto groups",) if senders else ()
    chains = {
        # A guest's packet with its own source takes one look-up here, and one in `forward` if it is within a pair.
        "prerouting": Chain(
            (
                "iifname . ether saddr . ip saddr @sources goto own_source",
                f"{stray} iifname . ether saddr . ip saddr @lent goto lent_source",
                f"{stray} iifname @trusted goto lent_source",
                "iifname @taps drop",
                *strangers,
                *entrance,
                f"ip daddr @free {untrack}",
            ),
            "prerouting",
            -300,
        ),
        "lent_source": Chain((SENT,)),
        "own_source": Chain(
            (
                SENT,
                "ip saddr != @free accept",
                f"ip daddr != {wanted.prefix} {untrack}",
                f"ip daddr @free {untrack}",
            )
        ),
        "forward": Chain(
            (
                f"{source} . {target} @pairs goto paired",
                "ct status snat,dnat jump translated",
                forwarding.ASTRAY,
                "oifname @taps goto deliver",
                "iifname @taps goto leave",
            ),
            "forward",
            0,
        ),
        "translated": Chain(floating.ENDED),
        "paired": Chain(
            (
                f"ip daddr {wanted.prefix} goto groups",
                f"ip daddr & {host_mask} @remotes goto groups",
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
        "asking_floating": Chain(floating.asking(plan, source)),
        "floating_answers": Chain(floating.answers(ERROR)),
        "asking": Chain(
            (
                floating.ASKING,
                f"{source} . {target} . meta l4proto . th dport @flows goto groups",
                f"ip saddr != {plan} ip saddr . {target} . meta l4proto . th dport @inward goto groups",
                forwarding.BROUGHT,
                "drop",
            )
        ),
        "answering": Chain(
            (
                *answer,
                f"{asker} . {asked} @pairs goto groups",
                f"{asker} . {asked} . meta l4proto . th sport @flows goto groups",
                # As it was asked for: what answers may be another port.
                f"{forwarding.WITH_PORTS} ct original ip daddr != {plan}"
                f" {asker} . ct original ip daddr . meta l4proto . ct original proto-dst @outward goto groups",
                f"meta l4proto != {{ tcp, udp }} ct original ip daddr != {plan}"
                f" {asker} . ct original ip daddr . meta l4proto . th sport @outward goto groups",
                "drop",
            )
        ),
        # An error says what its sender likes. So it passes only from whom its target may ask that very thing, or who
        # may ask its target; the kernel has seen to it that it goes to an end of the connection it is about: its
        # direction says to which.
        "related": Chain(
            (
                f"{ERROR} ct direction reply {asker} . {source} @pairs goto groups",
                f"{ERROR} ct direction reply {asker} . {source} . {service} @flows goto groups",
                f"{ERROR} ct direction original {source} . {asked} . {service} @flows goto groups",
                *floating.errors_here(ERROR, asker, source, service),
                f"ip saddr {plan} drop",
                f"{ERROR} ct direction reply {asker} . ct original ip daddr . {service} @outward goto groups",
                f"{ERROR} ct direction original ct original ip daddr . ip daddr @floats goto groups",
                f"{ERROR} ct direction original ct original ip saddr . {asked} . {service} @inward goto groups",
                forwarding.brought_errors(ERROR, service, "original"),
                "drop",
            )
        ),
        "leave": Chain(
            (
                *question,
                forwarding.ASKING,
                f"ip daddr & {host_mask} @remotes goto groups",  # segments are judged there
                *beyond,
                # With the host's address, a guest would be given the host's own credentials at a link-local one.
                f"ip daddr {{ {LINK_LOCAL}, {plan} }} drop",
                f"ct direction original {source} . ip daddr . meta l4proto . th dport @outward goto groups",
                floating.ANSWERING,
                f"ct direction reply ct original ip saddr . {asked} . meta l4proto . th sport @inward goto groups",
                f"ct state related {ERROR} ct direction reply"
                f" ct original ip saddr . {asked} . {service} @inward goto groups",
                forwarding.ANSWERING,
                f"ct state related {forwarding.brought_errors(ERROR, service, 'reply')}",
                "drop",
            )
        ),
        # What was refused before is not for it to pay for; what its host sends is.
        "delivered": Chain(("limit name oifname map @ingress_limits drop",), "postrouting", 0),
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
    way_out = (forwarding.leaving(wanted.prefix, wanted.address), *floating.leaving(plan))
    if masquerade:
        way_out += (f"ip saddr {plan} ip saddr != {wanted.gateway} ip daddr != {plan} masquerade",)
    chains |= {
        "floating_asked": Chain((floating.ASKED, forwarding.ASKED), "prerouting", -100, "nat"),
        "floating_asked_here": Chain((floating.ASKED, forwarding.ASKED), "output", -100, "nat"),
        "way_out": Chain(way_out, "postrouting", 100, "nat"),
        "hairpin": Chain(floating.hairpin(wanted.address)),
    }
    chains |= GROUP_CHAINS
    sets = (
        SPOOF_SETS
        | GROUP_SETS
        | LIMIT_SETS
        | {
            **{name: Set(type_, data="ipv4_addr") for name, type_ in floating.MAPS.items()},
            **{name: Set(type_) for name, type_ in floating.SETS.items()},
            "forwarded": Set(forwarding.SERVICE, data="ipv4_addr . inet_service"),
            "by_port": Set(("ipv4_addr",)),
            "brought": Set(("ipv4_addr", *forwarding.SERVICE)),
            "clients": Set(("ifname", "integer"), typeof=CLIENT),
            "pairs": Set(("ipv4_addr", "ipv4_addr")),
            "remotes": Set(("ipv4_addr",)),
            "hosts": Set(("ipv4_addr",)),
            "flows": Set(_SERVICE, interval=True),
            "inward": Set(_SERVICE, interval=True),
            "outward": Set(_SERVICE, interval=True),
        }
    )
    if senders:
        chains["sender"] = Chain(senders.rules)
        sets |= {"senders": Set(senders.type), "owned": Set(("ipv4_addr",))}
    return Table("inet", sets, chains)


def arp_table(plan: str) -> Table:
    """The table that keeps endpoints from speaking for addresses that are not theirs, and the neighbour table small.

    plan: the address plan's network.
    """
    rules = (
        "iifname != @taps accept",
        "iifname . arp saddr ether . arp saddr ip @sources accept",
        f"arp saddr ip != {plan} iifname . arp saddr ether . arp saddr ip @lent accept",
        f"arp saddr ip != {plan} iifname @trusted accept",
        "drop",
    )
    return Table("arp", SPOOF_SETS, {"input": Chain(rules, "input", 0)})


def passing_table() -> Table:
    """The table that passes on what has come for endpoints of other hosts, before anything is tracked.

    It is of IPv4 alone: in others nft cannot do that. Who says to be who they are not is dropped before.
    """
    sets = {
        "front": Set(("ifname",)),
        "passed_on": Set(forwarding.SERVICE, data="ipv4_addr"),
        "passed_on_errors": Set(("ipv4_addr", "integer", "integer"), typeof=forwarding.ABOUT_TYPE, data="ipv4_addr"),
    }
    return Table("ip", sets, {"prerouting": Chain(forwarding.passing_on(ERROR), "prerouting", -299)})


def elements(
    wanted: Desired,
    lingering: Iterable[str],
    routers: bool = False,
    before: Iterable[str] = (),
    needed: Collection[str] = (),
    front: Iterable[str] = (),
) -> dict[str, Elements]:
    """Elements of each table, by family.

    Args:
        wanted: what the host must have.
        lingering: interfaces of endpoints that are gone; they stay shut until the interface goes, too.
        routers: as `inet_table` was told.
        before: floating IPs that endpoints of this host had.
        needed: addresses that the host needs itself.
        front: interfaces that have the host's own address.
    """
    disabled = {item.interface for item in wanted.disabled}
    taps = frozenset((name,) for name in {item.interface for item in wanted.endpoints} | disabled | set(lingering))
    # 0.0.0.0: a DHCP client, or one that probes whether its address is free
    sources = frozenset(
        (item.interface, item.mac, address)
        for item in wanted.endpoints
        for address in (item.address, "0.0.0.0")  # noqa: S104 - a source to match, not one to listen on
    ) | frozenset((item.interface, *one) for item in wanted.endpoints for one in item.own_pairs)
    lent = frozenset((item.interface, *one) for item in wanted.endpoints for one in item.lent)
    trusted = frozenset((item.interface,) for item in wanted.endpoints if item.trusted)
    spoof = {"taps": taps, "sources": sources, "lent": lent, "trusted": trusted}
    clients = frozenset((item.interface, str(int(item.mac.replace(":", ""), 16))) for item in wanted.endpoints)
    allowed = wanted.traffic
    senders = Senders(wanted, routers) if wanted.restricts else None
    return {
        "inet": {
            **limits(wanted.endpoints),
            **floating.elements(wanted, before, needed),
            **spoof,
            **{name: getattr(wanted.groups, name) for name in GROUP_SETS},
            "clients": clients,
            "pairs": allowed.pairs,
            "remotes": frozenset((peer.prefix.partition("/")[0],) for peer in wanted.peers if peer.owned is None),
            "hosts": frozenset((peer.address,) for peer in wanted.peers),
            "flows": allowed.flows,
            "inward": allowed.inward,
            "outward": allowed.outward,
            **({"senders": senders.elements, "owned": senders.owned} if senders else {}),
        },
        "arp": spoof,
        "ip": {"front": frozenset((name,) for name in front), **forwarding.passed_on(wanted, needed)},
    }


def shape(table: Table) -> frozenset[tuple[object, ...]]:
    """What `observe` finds as the shape of this table when nobody has tampered with it."""
    sets = {(item.kind, name, item.type, item.interval, item.data) for name, item in table.sets.items()}
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
            found.add(("set", item["name"], _type(item["type"]), item.get("flags", []) == ["interval"], None))
            members[item["name"]] = frozenset(_element(member) for member in item.get("elem", []))
        elif item := entry.get("map"):
            data = " . ".join(_type(item["map"]))  # newer versions of nft print a list
            found.add(("map", item["name"], _type(item["type"]), item.get("flags", []) == ["interval"], data))
            members[item["name"]] = frozenset(
                (*_element(key), " . ".join(_element(data))) for key, data in item.get("elem", [])
            )
        elif (item := entry.get("limit")) and _is_as_named(item):
            members[LIMITS] = members.get(LIMITS, frozenset()) | {(item["name"],)}
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
        data = f" : {item.data}" if item.data and not item.typeof else ""
        lines.append(f"add {item.kind} {where} {name} {{ {kind}{data};{flags} }}")
    for name, chain in table.chains.items():
        hook = f"type {chain.type} hook {chain.hook} priority {chain.priority}; policy accept;" if chain.hook else ""
        lines.append(f"add chain {where} {name} {{ {hook} }}")
    lines.append(f"flush table {where}")  # the rules; sets and chains stay
    lines += [f"add rule {where} {name} {rule}" for name, chain in table.chains.items() for rule in chain.rules]
    return lines


def delete(family: str) -> list[str]:
    """Commands that take a table away, whether it exists or not."""
    return [f"add table {family} {TABLE}", f"delete table {family} {TABLE}"]


def change(table: Table, wanted: Elements, found: Elements) -> list[str]:
    """Commands that make the elements `found` in a table into `wanted`: only those that differ."""
    where = f"{table.family} {TABLE}"
    gone, new = (_differing(wanted, here, there) for here, there in ((found, wanted), (wanted, found)))
    # A limit is there as long as a map leads to it.
    return [
        *_elements(table, "delete", gone),
        *(f"delete limit {where} {name}" for (name,) in gone.get(LIMITS, ())),
        *(f"add limit {where} {name} {{ {_limit(name)}; }}" for (name,) in new.get(LIMITS, ())),
        *_elements(table, "add", new),
    ]


def _differing(names: Iterable[str], here: Elements, there: Elements) -> dict[str, list[Element]]:
    """What is here and not there, in those sets where something is."""
    found = {name: here.get(name, frozenset()) - there.get(name, frozenset()) for name in names}
    return {name: sorted(elements) for name, elements in found.items() if elements}


def _elements(table: Table, verb: str, differing: Mapping[str, Iterable[Element]]) -> list[str]:
    lines = []
    for name, there in differing.items():
        if name != LIMITS:
            members = ", ".join(_written(table.sets[name], one) for one in there)
            lines.append(f"{verb} element {table.family} {TABLE} {name} {{ {members} }}")
    return lines


def _limit(name: str) -> str:
    rate, burst = terms(name)
    return f"rate over {rate} bytes/second burst {burst} bytes"


def _is_as_named(item: Mapping[str, Any]) -> bool:
    """Whether a limit is what its name says."""
    try:
        expected = terms(item["name"])
    except ValueError:
        return False
    found = tuple(item.get(what, 0) * UNITS.get(item.get(f"{what}_unit", ""), 0) for what in ("rate", "burst"))
    return expected == found and item["per"] == "second" and item.get("inv") is True


def _written(kind: Set, element: Element) -> str:
    key = element[:-1] if kind.data else element
    if kind.interval and "-" not in key[-1]:
        # nft 1.0.6 deletes no element of single values that has a number in the machine's byte order: it finds none.
        key = (*key[:-1], f"{key[-1]}-{key[-1]}")
    return " . ".join(key) + (f" : {element[-1]}" if kind.data else "")


def _type(kind: Any) -> tuple[str, ...]:
    """Newer versions of nft print the expression of a `typeof`, older ones the type."""
    if isinstance(kind, dict):
        parts = kind["typeof"].get("concat", [kind["typeof"]])
        return tuple(_type_of(part) for part in parts)
    return (kind,) if isinstance(kind, str) else tuple(kind)


def _type_of(expression: Mapping[str, Any]) -> str:
    if "payload" not in expression:
        return "ifname"
    return "ipv4_addr" if "field" in expression["payload"] else "integer"


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
