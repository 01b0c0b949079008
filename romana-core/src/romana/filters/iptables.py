"""Tables as iptables-save prints them; it tells what nft does not of rules that are iptables' own. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from ipaddress import IPv4Network

from romana.filters.rules import UNKNOWN, Chain, Condition, Effect, Filter, Rule

HOOKS = {"INPUT": "input", "FORWARD": "forward", "OUTPUT": "output"}
_TARGETS = {"ACCEPT": Effect.ACCEPT, "DROP": Effect.DROP, "REJECT": Effect.DROP, "RETURN": Effect.RETURN}
# Targets after which the next rule is asked.
_HARMLESS = {
    *("LOG", "NFLOG", "ULOG", "AUDIT", "MARK", "CONNMARK", "CONNSECMARK", "SECMARK", "CT", "NOTRACK", "TCPMSS"),
    *("TCPOPTSTRIP", "DSCP", "TOS", "TTL", "TRACE", "CLASSIFY", "SET", "TEE", "CHECKSUM", "HMARK", "RATEEST", "LED"),
}
_NAMES = {"-i": "incoming", "-o": "outgoing", "-s": "source", "-d": "target", "-p": "protocol"}
_PORTS = {"--sport": "source port", "--sports": "source port", "--dport": "target port", "--dports": "target port"}
_STATES = {"--ctstate": "state", "--state": "state", "--ctdir": "direction", "--dst-type": "target type"}


def tables(listing: str, kind: str = "iptables") -> list[Filter]:
    """The tables of a listing that can drop packets. kind: which iptables printed it."""
    found: list[Filter] = []
    for block in listing.split("\n*")[0:] if listing.startswith("*") else listing.split("\n*")[1:]:
        name, *lines = block.removeprefix("*").splitlines()
        if name != "nat":
            found.append(Filter(f"ip {name}", kind, _chains(lines)))
    return found


def _chains(lines: list[str]) -> dict[str, Chain]:
    policies = {line[1:].split()[0]: line.split()[1].lower() for line in lines if line.startswith(":")}
    rules: dict[str, list[Rule]] = {name: [] for name in policies}
    for line in lines:
        if line.startswith("-A "):
            words = shlex.split(line)
            rules.setdefault(words[1], []).append(_rule(words[2:]))
    return {
        name: Chain(tuple(found), HOOKS.get(name, ""), policies.get(name, "-").replace("-", ""))
        for name, found in rules.items()
    }


def _rule(words: list[str]) -> Rule:
    conditions: list[Condition] = []
    for option, values, negated in _options(words):
        if option in ("-j", "-g"):
            return _with_target(tuple(conditions), values[0], option == "-g")
        if option not in ("-m", "--comment"):
            conditions.append(_condition(option, values, negated))
    return Rule(tuple(conditions), Effect.NONE)


def _options(words: list[str]) -> Iterator[tuple[str, list[str], bool]]:
    """Options with their values, and whether they are negated."""
    negated, option, values = False, "", list[str]()
    for word in [*words, "-"]:
        if word.startswith("-") and (len(word) == 1 or not word[1:].isdigit()):
            last = bool(values) and values[-1] == "!"
            if option:
                yield option, values[:-1] if last else values, negated
            negated = last
            option, values = word, []
        else:
            values.append(word)


def _with_target(conditions: tuple[Condition, ...], target: str, goes: bool) -> Rule:
    if target in _TARGETS:
        return Rule(conditions, _TARGETS[target])
    if target in _HARMLESS:
        return Rule(conditions, Effect.NONE)
    return Rule(conditions, Effect.GOTO if goes else Effect.JUMP, target)  # of no chain: what it does is not known


def _condition(option: str, values: list[str], negated: bool) -> Condition:
    if len(values) != 1:
        return UNKNOWN
    (value,) = values
    if option in ("-s", "-d"):
        return Condition(_NAMES[option], tuple(IPv4Network(one) for one in value.split(",")), negated)
    if option in ("-i", "-o"):
        return Condition(_NAMES[option], (f"{value[:-1]}*" if value.endswith("+") else value,), negated)
    if option == "-p":
        return Condition("protocol", (value,), negated)
    if option in _PORTS:
        return Condition(_PORTS[option], tuple(_ports(one) for one in value.split(",")), negated)
    if option == "--ctstate" and set(value.split(",")) <= {"DNAT", "SNAT"}:
        return Condition("translated", (), negated)
    if option in _STATES:
        return Condition(_STATES[option], tuple(one.lower() for one in value.split(",")), negated)
    if option == "--mark":
        return Condition("mark", (str(int(value.partition("/")[0], 0)),), negated)
    return UNKNOWN


def _ports(value: str) -> range:
    low, _, high = value.partition(":")
    return range(int(low or 0), int(high or (low if not _ else 65535)) + 1)
