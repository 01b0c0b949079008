"""Tables as `nft --json list ruleset` lists them. Pure. See libnftables-json(5)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import AddressValueError, IPv4Address, IPv4Network, summarize_address_range
from typing import Any

from romana.filters.rules import UNKNOWN, Chain, Condition, Effect, Filter, Rule

FAMILIES = ("ip", "inet")
_KEYS = {
    ("meta", "iifname"): "incoming",
    ("meta", "iif"): "incoming",
    ("meta", "oifname"): "outgoing",
    ("meta", "oif"): "outgoing",
    ("meta", "l4proto"): "protocol",
    ("meta", "nfproto"): "family",
    ("meta", "mark"): "mark",
    ("ct", "mark"): "mark",
    ("ct", "state"): "state",
    ("ct", "direction"): "direction",
    ("ip", "saddr"): "source",
    ("ip", "daddr"): "target",
    ("ip", "protocol"): "protocol",
    ("th", "sport"): "source port",
    ("th", "dport"): "target port",
}
_EFFECTS = {"accept": Effect.ACCEPT, "drop": Effect.DROP, "reject": Effect.DROP, "return": Effect.RETURN}
_JUMPS = {"jump": Effect.JUMP, "goto": Effect.GOTO}
# What changes nothing about whether a packet passes.
_HARMLESS = {"counter", "log", "mangle", "notrack", "flow", "ct helper", "ct timeout", "set", "map", "comment", "last"}
_BRIDGES = {"tcp": "tcp", "udp": "udp"}
_SETS = dict[str, list[Any]]


def tables(listing: str) -> list[Filter]:
    """The tables that see IPv4 packets, of a listing of all."""
    entries = json.loads(listing or "{}").get("nftables", [])
    sets: dict[tuple[str, str], _SETS] = {}
    found: dict[tuple[str, str], dict[str, list[Any]]] = {}
    heads: dict[tuple[str, str, str], Mapping[str, Any]] = {}
    for entry in entries:
        ((what, item),) = entry.items()
        place = (item.get("family", ""), item.get("name" if what == "table" else "table", ""))
        if place[0] not in FAMILIES:
            continue
        if what == "table":
            found.setdefault(place, {})
        elif what == "chain":
            heads[(*place, item["name"])] = item
            found.setdefault(place, {}).setdefault(item["name"], [])
        elif what in ("set", "map"):
            sets.setdefault(place, {})[item["name"]] = item.get("elem", [])
        elif what == "rule":
            found.setdefault(place, {}).setdefault(item["chain"], []).append(item["expr"])
    return [
        Filter(
            " ".join(place),
            "nft",
            {name: _chain(heads.get((*place, name), {}), rules, sets.get(place, {})) for name, rules in chains.items()},
        )
        for place, chains in found.items()
    ]


def _chain(head: Mapping[str, Any], expressions: Sequence[Sequence[Any]], sets: _SETS) -> Chain:
    rules = tuple(rule for expression in expressions for rule in _rules(expression, sets))
    if head.get("type") not in ("filter", "route"):
        return Chain(rules)
    return Chain(rules, head.get("hook", ""), head.get("policy", "accept"))


def uses_xtables(listing: str, name: str) -> bool:
    """Whether a table has rules of iptables whose conditions nft does not tell."""
    entries = json.loads(listing or "{}").get("nftables", [])
    rules = (entry["rule"] for entry in entries if "rule" in entry)
    return any(
        f"{rule['family']} {rule['table']}" == name and any("xt" in statement for statement in rule["expr"])
        for rule in rules
    )


def _rules(expression: Sequence[Any], sets: _SETS) -> Iterator[Rule]:
    """A rule of nft; one with a verdict map is as many as the map has elements."""
    conditions: list[Condition] = []
    for statement in expression:
        what, item = next(iter(statement.items())) if isinstance(statement, dict) else (str(statement), {})
        if what == "match":
            conditions += _conditions(item, sets)
        elif what == "vmap":
            yield from _of_map(item, tuple(conditions), sets)
            return
        elif what in _EFFECTS:
            yield Rule(tuple(conditions), _EFFECTS[what])
            return
        elif what in _JUMPS:
            yield Rule(tuple(conditions), _JUMPS[what], item["target"])
            return
        elif what in ("limit", "quota", "ct count"):
            conditions.append(UNKNOWN)
        elif what == "xt":
            name = item.get("name") if isinstance(item, dict) else ""
            conditions += [] if name == "comment" else [UNKNOWN]
            if statement is expression[-1]:
                yield Rule(tuple(conditions), Effect.DROP if name == "REJECT" else Effect.UNKNOWN)
        elif what not in _HARMLESS:
            yield Rule(tuple(conditions), Effect.UNKNOWN)
            return


def _of_map(item: Mapping[str, Any], conditions: tuple[Condition, ...], sets: _SETS) -> Iterator[Rule]:
    data = item["data"]
    elements = sets.get(data[1:]) if isinstance(data, str) else data.get("set")
    if elements is None:
        yield Rule(conditions, Effect.UNKNOWN)
        return
    for value, verdict in elements:
        ((what, more),) = verdict.items()
        is_it = tuple(_conditions({"left": item["key"], "op": "==", "right": value}, sets))
        if what in _JUMPS:
            yield Rule((*conditions, *is_it), _JUMPS[what], more["target"])
        else:
            yield Rule((*conditions, *is_it), _EFFECTS.get(what, Effect.NONE))


def _conditions(item: Mapping[str, Any], sets: _SETS) -> list[Condition]:
    """What a match asks; a port also asks for the protocol."""
    key, protocol = _key(item["left"])
    if not key or item.get("op", "==") not in ("==", "!=", "in"):
        return [UNKNOWN]
    values = _values(item["right"], sets)
    if values is None:
        return [UNKNOWN]
    asked = Condition(key, tuple(_value(key, value) for value in values), item.get("op") == "!=")
    if None in asked.values:
        return [UNKNOWN]
    return [Condition("protocol", (protocol,)), asked] if protocol else [asked]


def _key(left: Any) -> tuple[str, str]:
    """The property that is asked for, and the protocol that has it; empty for none that is known."""
    if not isinstance(left, dict):
        return "", ""
    ((what, item),) = left.items()
    if what in ("&", "|", "^"):
        key, _ = _key(item[0])
        return (key, "") if key == "mark" else ("", "")
    if what in ("meta", "ct"):
        if item.get("key") == "status":
            return "translated", ""
        return _KEYS.get((what, item.get("key", "")), ""), ""
    if what == "fib" and item.get("result") == "type" and item.get("flags") in ("daddr", ["daddr"]):
        return "target type", ""
    if what == "payload" and "protocol" in item:
        protocol = item["protocol"]
        named = _KEYS.get(("th" if protocol in _BRIDGES else protocol, item["field"]), "")
        return named, _BRIDGES.get(protocol, "")
    return "", ""


def _values(right: Any, sets: _SETS) -> list[Any] | None:
    """The values that are asked for; None when they are not known."""
    if isinstance(right, str) and right.startswith("@"):
        return sets.get(right[1:])
    if isinstance(right, dict) and "set" in right:
        inner = right["set"]
        return _values(inner, sets) if isinstance(inner, str) else list(inner)
    return list(right) if isinstance(right, list) else [right]


def _value(key: str, value: Any) -> Any:
    """A value as a condition has it; None for one that is not known."""
    if isinstance(value, dict) and "elem" in value:
        value = value["elem"]["val"]
    if key in ("source", "target"):
        return _network(value)
    if key.endswith(" port"):
        return _ports(value)
    return None if isinstance(value, dict) else str(value)


def _network(value: Any) -> IPv4Network | None:
    try:
        if isinstance(value, dict) and "prefix" in value:
            return IPv4Network((value["prefix"]["addr"], value["prefix"]["len"]))
        if isinstance(value, dict) and "range" in value:
            first, *more = summarize_address_range(*(IPv4Address(bound) for bound in value["range"]))
            return None if more else first
        return IPv4Network(value)
    except (AddressValueError, ValueError, TypeError):
        return None


def _ports(value: Any) -> range | None:
    low, high = value["range"] if isinstance(value, dict) and "range" in value else (value, value)
    return range(low, high + 1) if isinstance(low, int) and isinstance(high, int) else None
