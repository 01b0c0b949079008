"""The firewall in the kernel: lists our tables, changes them by transactions of nft, and hears when others do."""

from __future__ import annotations

import logging
import socket
import struct
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass

from romana.agent import floating
from romana.agent.config import AgentSettings
from romana.agent.desired import Desired
from romana.agent.ruleset import (
    TABLE,
    Elements,
    ObservedTable,
    Table,
    arp_table,
    change,
    create,
    delete,
    elements,
    inet_table,
    observe,
    passing_table,
    shape,
)

log = logging.getLogger(__name__)

TIMEOUT = 30.0  # seconds; nft answers within milliseconds
NETLINK_NETFILTER = 12
NFNLGRP_NFTABLES = 7
SOL_NETLINK = 270
NETLINK_ADD_MEMBERSHIP = 1
HEADER = struct.Struct("=IHHII")  # struct nlmsghdr
NFGENMSG = 4
ATTRIBUTE = struct.Struct("=HH")
NAME_OF_TABLE = 1  # the first attribute of each message of nf_tables, except of those about generations
NFTABLES = 10
NEW_GENERATION = 15
RULE_CHANGES = range(9)  # messages about tables, chains and rules


class FirewallError(Exception):
    """nft refused; the text is its reason, one line."""


def nft(commands: list[str], *options: str) -> int:
    """Run commands as one transaction: all or nothing. Returns nft's process id. Raises FirewallError."""
    process, _, errors = _run(["nft", *options, "-f", "-"], "\n".join(commands) + "\n")
    if process.returncode:
        raise FirewallError(next((line for line in errors.splitlines() if "Error" in line), errors.strip()))
    return process.pid


def list_table(family: str) -> ObservedTable | None:
    """The table as it is; None when there is none. Raises FirewallError."""
    process, output, errors = _run(["nft", "--json", "--numeric-protocol", "list", "table", family, TABLE], "")
    if process.returncode == 0:
        return observe(output)
    if "No such file" in errors:
        return None
    raise FirewallError(errors.strip().partition("\n")[0])


def _run(argv: list[str], stdin: str) -> tuple[subprocess.Popen[str], str, str]:
    """The process, which has ended, its output and its errors."""
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            output, errors = process.communicate(stdin, timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            raise FirewallError(f"nft did not answer within {TIMEOUT:.0f} s") from None
    return process, output, errors


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What of the machine the tables depend on.

    present: names of all interfaces there are. needed: addresses that the host needs itself. front: names of the
    interfaces that have the host's own address.
    """

    present: frozenset[str]
    needed: frozenset[str]
    front: frozenset[str]


class Firewall:
    """Keeps our three tables as they must be, and nothing else."""

    def __init__(self, settings: AgentSettings) -> None:
        self._settings = settings
        self._tables: dict[str, _KeptTable] = {}
        self.others_changed = False  # whether somebody has changed tables that are not ours, for who wants to know
        self.floats_changed = True  # whether connections may be translated as no longer holds, for who ends them
        # For which nothing was left to do: what, with which interfaces and floating IPs of before, those left out, and
        # where the host's own address is.
        self._settled: tuple[Desired, frozenset[str], frozenset[str], frozenset[str], frozenset[str]] | None = None
        self._own: set[int] = set()  # process ids of our nft processes that the kernel has not told us of yet

    def apply(self, wanted: Desired, there: Surroundings) -> list[str]:
        """Make it so, on a machine with this there; raises FirewallError.

        Returns:
            The changes that were made, one line each.
        """
        lingering, before = _lingering(self.elements(), there.present), _before(self.elements(), there.needed)
        refused = there.needed & ({item.floating for item in wanted.endpoints} | wanted.by_port)
        settled = self._settled
        if settled is not None and settled[0] is wanted and settled[1:] == (lingering, before, refused, there.front):
            return []
        self._settled = None
        tables = (self._inet_table(wanted), arp_table(wanted.plan.cidr), passing_table())
        for table in tables:
            self._tables.setdefault(table.family, _KeptTable(table.family)).look()
        lingering = _lingering(self.elements(), there.present) | _lingering(self.elements("arp"), there.present)
        before = _before(self.elements(), there.needed)
        members = elements(wanted, lingering, self._settings.routers, before, refused, there.front)
        self.floats_changed |= floating.differ(self.elements(), members["inet"])
        done = [self._tables[table.family].apply(table, members[table.family], self._own) for table in tables]
        lingering, before = _lingering(self.elements(), there.present), _before(self.elements(), there.needed)
        self._settled = (wanted, lingering, before, refused, there.front)
        return [said for said in done if said]

    def refusal(self, wanted: Desired) -> str:
        """Why nft refuses to make this anew; empty when it does not. Nothing is changed."""
        table = self._inet_table(wanted)
        members = elements(wanted, (), self._settings.routers)[table.family]
        try:
            nft([*delete(table.family), *create(table), *change(table, members, {})], "--check")
        except FirewallError as error:
            return str(error)
        return ""

    def _inet_table(self, wanted: Desired) -> Table:
        own = self._settings
        return inet_table(wanted, own.metadata, own.consoles, routers=own.routers, masquerade=own.masquerade)

    def elements(self, family: str = "inet") -> Elements:
        """The elements that are in place."""
        kept = self._tables.get(family)
        return kept.members if kept else {}

    def distrust(self) -> None:
        """Look at the tables again before the next change: somebody else has touched them, or may have."""
        self._settled = None
        for kept in self._tables.values():
            kept.stale = True

    def hear(self, data: bytes) -> bool:
        """Take in messages of nf_tables. Returns whether somebody else has changed a table of ours.

        That somebody has changed another one is noted in `others_changed`.
        """
        touched = False
        offset = 0
        while offset + HEADER.size <= len(data):
            length, kind, _, _, sender = HEADER.unpack_from(data, offset)
            if length < HEADER.size:
                break
            body = data[offset + HEADER.size + NFGENMSG : offset + length]
            offset += (length + 3) & ~3
            if kind == NFTABLES << 8 | NEW_GENERATION:
                self._own.discard(sender)
            elif sender not in self._own and _table_of(body) == TABLE:
                touched = True
            elif kind & 0xFF in RULE_CHANGES and _table_of(body) != TABLE:
                self.others_changed = True
        if touched:
            self.distrust()
        return touched


def _lingering(found: Elements, present: frozenset[str]) -> frozenset[str]:
    """Interfaces of endpoints that are still there."""
    return frozenset(name for (name,) in found.get("taps", frozenset())) & present


def _before(found: Elements, needed: frozenset[str]) -> frozenset[str]:
    """Floating IPs that endpoints had, or have, unless the host itself needs the address now."""
    return frozenset(address for (address,) in found.get("known_floats", frozenset())) - needed


class _KeptTable:
    """One table, with what we know about it."""

    def __init__(self, family: str) -> None:
        self.family = family
        self.stale = True
        self._found: ObservedTable | None = None
        self._made: tuple[Table, tuple[str, ...]] | None = None  # what we made, and how the kernel lists its rules

    @property
    def members(self) -> Elements:
        return self._found.elements if self._found else {}

    def look(self) -> None:
        if self.stale:
            self._found = list_table(self.family)
            self.stale = False

    def apply(self, table: Table, members: Elements, own: set[int]) -> str:
        """Returns what was changed, in a few words; nothing when nothing was."""
        started = time.monotonic()
        found = self._found
        self.stale = True  # until we know that it worked
        if found is None or found.shape != shape(table):
            own.add(nft([*delete(self.family), *create(table), *change(table, members, {})]))
            self._made = (table, self._rules(table))
            said = "table made"
        elif self._made is None or self._made != (table, found.rules):
            # Rules can't be compared with what nft made of them elsewhere: set them anew. No packet sees half of it.
            own.add(nft([*create(table), *change(table, members, found.elements)]))
            self._made = (table, self._rules(table))
            said = "rules set"
        elif commands := change(table, members, found.elements):
            own.add(nft(commands))
            changed = sum(len(there ^ found.elements.get(name, frozenset())) for name, there in members.items())
            said = f"{changed} elements changed"
        else:
            self.stale = False
            return ""
        self._found = ObservedTable(shape(table), self._made[1], members)
        self.stale = False
        return f"firewall: {said} ({self.family}, {time.monotonic() - started:.3f} s)"

    def _rules(self, table: Table) -> tuple[str, ...]:
        """How the kernel lists the rules just made; nothing when somebody has changed their number in between.

        Then no later listing will be taken for ours, and the event of that change has them set anew. Nor is one at the
        start, which lasts until here: mostly nobody touches them, and whenever somebody does, they are set once more.
        """
        if self._made is None:
            return ()
        made = list_table(self.family)
        expected = sum(len(chain.rules) for chain in table.chains.values())
        return made.rules if made and len(made.rules) == expected else ()


def watch() -> socket.socket:
    """A socket that becomes readable when anyone changes any table of nf_tables."""
    channel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, NETLINK_NETFILTER)
    with suppress(OSError):
        channel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    channel.bind((0, 0))
    channel.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, NFNLGRP_NFTABLES)
    return channel


def remove() -> None:
    """Take our tables away. Raises FirewallError."""
    for family in ("ip", "inet", "arp"):
        if list_table(family) is not None:
            nft(delete(family))


def _table_of(body: bytes) -> str:
    if len(body) < ATTRIBUTE.size:
        return ""
    length, kind = ATTRIBUTE.unpack_from(body)
    if kind & 0x3FFF != NAME_OF_TABLE:
        return ""
    return body[ATTRIBUTE.size : length].rstrip(b"\0").decode(errors="replace")
