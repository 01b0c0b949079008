"""Whether a configuration fits AWS: what can be told without asking it. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network
from typing import Any

from romana_install.base.findings import Finding, shown
from romana_install.config.read import Draft
from romana_install.targets.aws.resources import OWN_PREFIX, TAG_NAME, TAG_NODE, TAG_STACK, TAG_TTL

LARGEST, SMALLEST = 16, 27  # prefix lengths: of a VPC, and of a subnet that has a .10 and some more
PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")))
ROUTES = 500  # that a route table holds, unless AWS has raised it (since June 2025; 50 before)
ROUTES_TAKEN = 2  # the VPC's own network and the rest of the world
# What AWS takes of tags: how many on a thing, and how many characters. EC2 takes every character, other services that
# read tags do not.
TAGS, TAG_KEY, TAG_VALUE = 50, 128, 256
TAG_MARKS = "+-=._:/@"
TAGS_TAKEN = len((TAG_NAME, TAG_STACK, TAG_NODE, TAG_TTL))  # by the program's own, on an instance
RESERVED = "aws:"  # in upper case, too


def findings(draft: Draft) -> Iterator[Finding]:
    """All that is wrong with what is configured for AWS."""
    if draft.usable("aws_network"):
        yield from _network(draft)
    if draft.usable("aws_availability_zones", "aws_routes", "region"):
        yield from _zones(draft)
    if draft.usable("aws_allowed_cidrs"):
        yield from _allowed(draft)
    yield from _tags(draft)


def _network(draft: Draft) -> Iterator[Finding]:
    where, text = draft.where("aws_network"), draft.config.aws_network
    try:
        network = IPv4Network(text)
    except ValueError:
        yield Finding(where, f"{shown(text)} is not an IPv4 network; write it like 192.168.99.0/24")
        return
    if not any(network.subnet_of(private) for private in PRIVATE):
        yield Finding(where, f"{network} is not private; give one within {', '.join(map(str, PRIVATE))}")
    zones = len(draft.config.aws_availability_zones) if draft.usable("aws_availability_zones") else 1
    smallest = SMALLEST - (max(zones, 1) - 1).bit_length()
    if not LARGEST <= network.prefixlen <= smallest:
        among = f", divided among {zones} zones," if zones > 1 else ""
        yield Finding(where, f"{network} is of the wrong size; a VPC{among} takes /{LARGEST} to /{smallest} here")


def _zones(draft: Draft) -> Iterator[Finding]:
    config = draft.config
    where, zones = draft.where("aws_availability_zones"), config.aws_availability_zones
    for zone in sorted({zone for zone in zones if zones.count(zone) > 1}):
        yield Finding(where, f"{zone} is there twice; name each zone once")
    for zone in zones:
        if config.region and not zone.startswith(config.region):
            yield Finding(where, f"{zone} is not in region {config.region}; give zones of it, or another region")
    if len(zones) > 1 and not config.aws_routes:
        yield Finding(
            where,
            "has more than one zone, so the nodes are in several subnets, and no packet for an endpoint gets from one"
            " to another by itself; give -e aws_routes=true too, or one zone",
        )


def _allowed(draft: Draft) -> Iterator[Finding]:
    where = draft.where("aws_allowed_cidrs")
    for text in draft.config.aws_allowed_cidrs:
        try:
            IPv4Network(text)
        except ValueError:
            yield Finding(where, f"{_hint(text)}; give a list of IPv4 networks, like [203.0.113.0/24]")


def _hint(text: str) -> str:
    try:
        return f"{shown(text)} has bits behind its prefix; write {IPv4Network(text, strict=False)}"
    except ValueError:
        return f"{shown(text)} is not an IPv4 network"


def _tags(draft: Draft) -> Iterator[Finding]:
    """Also of those beside which another is no text, which is a finding already."""
    where, tags = draft.where("aws_tags"), draft.values.get("aws_tags")
    if not isinstance(tags, dict):
        return
    most = TAGS - TAGS_TAKEN
    if len(tags) > most:
        yield Finding(
            where,
            f"has {len(tags)} tags; AWS takes {TAGS} on a thing, and this program adds {TAGS_TAKEN}: give up to {most}",
        )
    for key, value in tags.items():
        if isinstance(key, str):
            yield from (Finding(where, f"the key {shown(key)} {problem}") for problem in _key_problems(key))
        if isinstance(value, str):
            problems = _text_problems(value, TAG_VALUE)
            yield from (Finding(where, f"the value of {shown(key)} {problem}") for problem in problems)


def _key_problems(key: str) -> Iterator[str]:
    if not key:
        yield "is empty; give each tag a key"
    if key == TAG_NAME or key.startswith(OWN_PREFIX):
        yield "is the program's own; choose another"
    yield from _text_problems(key, TAG_KEY)


def _text_problems(text: str, length: int) -> Iterator[str]:
    if text.lower().startswith(RESERVED):
        yield f"begins with {RESERVED}, which AWS keeps for itself; choose another"
    if len(text) > length:
        yield f"has {len(text)} characters, AWS takes {length}; shorten it"
    wrong = sorted({mark for mark in text if unicodedata.category(mark)[0] not in "LNZ" and mark not in TAG_MARKS})
    if wrong:
        yield f"has {shown(''.join(wrong))}; take letters, digits, blanks and {' '.join(TAG_MARKS)} alone"


def fixed(draft: Draft, stack: str, made: Mapping[str, Any]) -> Iterator[Finding]:
    """What cannot change while the stack is there. stack: its name; made: what it was made with, by variable."""
    for key, has in made.items():
        value = getattr(draft.config, key)
        given = value or isinstance(value, list)
        if draft.usable(key) and given and value != has:
            yield Finding(
                draft.where(key),
                f"is {shown(value)}, but stack {stack} was made with {shown(has)}; put that back, uninstall first, or"
                " choose another stack_name",
            )


def routes_findings(wanted: int, limit: int, where: str) -> Iterator[Finding]:
    """What keeps so many hosts' prefixes from being routes of the VPC. limit: routes a table holds."""
    if wanted + ROUTES_TAKEN > limit:
        yield Finding(
            where,
            f"is true and there are {wanted} hosts, but a VPC's route table holds {limit} routes, of which"
            f" {ROUTES_TAKEN} are taken: up to {limit - ROUTES_TAKEN} hosts; lower devstack_compute_node, set"
            " aws_routes to false (one zone), or have AWS raise `Routes per route table`",
        )
