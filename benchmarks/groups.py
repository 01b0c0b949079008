"""Security groups: packet rate and rules beside none, and what 10,000 members of a group cost an agent.

Two guests of one segment on one node, as in firewall_pairs.py: one sends small UDP datagrams to the other, and the
rate is per second of that process's processor time. Without groups nothing is tracked; with them all is, and both ends
are judged. The runs are interleaved, each figure is a median. Needs root.

    python benchmarks/groups.py [--rounds 15] [--output FILE]
"""

from __future__ import annotations

import multiprocessing
import resource
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Network
from itertools import islice, product
from pathlib import Path

import command

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / "romana-core/src"), str(REPOSITORY / "romana-core/tests/agent")]

from agent_lab import Guest, Lab
from firewall_pairs import PORT, listening, send

from romana.agent import membership, ruleset
from romana.agent.desired import Desired, desired
from romana.models import Changes, Direction, GroupMembers, GroupRule, Members, Permissions

TARGET = 0.9
MANY = 10_000
OUT = GroupRule(direction=Direction.EGRESS)
MATES = GroupRule(direction=Direction.INGRESS, remote_group="mates")
SERVICE = GroupRule(direction=Direction.INGRESS, protocol=17, ports=str(PORT))
GROUPS = {"mates": [OUT, MATES], "service": [OUT, SERVICE]}


@dataclass(frozen=True)
class Case:
    """What is measured: the group both guests are in, and how many members it has."""

    name: str
    group: str | None
    members: int = 2


CASES = (
    Case("no groups", None),
    Case("remote group, 2 members", "mates"),
    Case("remote group, 1,000 members", "mates", 1000),
    Case("a port for everybody", "service"),
)


def others(lab: Lab, count: int) -> Iterator[IPv4Network]:
    """Addresses of endpoints on other hosts."""
    plan = lab.state(lab.nodes[0]).plan.address_plan()
    places = product(plan.tenants, plan.segments, plan.endpoints)
    return (IPv4Network(plan.address(2, *place)) for place in islice(places, count))


def load(lab: Lab, wanted: Desired) -> tuple[int, float]:
    """Put the firewall in place on node 0 anew. Returns its number of rules, and the seconds that nft took."""
    commands: list[str] = []
    for table in (ruleset.inet_table(wanted), ruleset.arp_table(wanted.plan.cidr)):
        elements = ruleset.elements(wanted, [])[table.family]
        commands += [*ruleset.delete(table.family), *ruleset.create(table), *ruleset.change(table, elements, {})]
    started = time.perf_counter()
    lab.nodes[0].namespace.run("nft", "-f", "-", stdin="\n".join(commands) + "\n")
    return lab.nodes[0].rule_count(), time.perf_counter() - started


def wanted_by(lab: Lab, case: Case) -> Desired:
    """What node 0 must have in that case."""
    for guest in lab.guests:
        guest.permissions = Permissions(groups=[case.group] if case.group else None)
    members = [IPv4Network(guest.address) for guest in lab.guests]
    members += others(lab, case.members - len(members))
    return desired(lab.state(lab.nodes[0]), dict.fromkeys(GROUPS, members))


def rate(sender: Guest, receiver: Guest, seconds: float) -> float:
    """Datagrams per second of the sender's processor time."""
    queue: multiprocessing.SimpleQueue[float] = multiprocessing.SimpleQueue()
    process = multiprocessing.Process(target=send, args=(sender.inside.name, receiver.address, seconds, queue))
    before = received(receiver)
    process.start()
    process.join(seconds + 30)
    if process.exitcode != 0:
        raise SystemExit(f"the sender ended with {process.exitcode}")
    found = queue.get()
    if received(receiver) - before < found * seconds / 2:
        raise SystemExit("most of what was sent did not arrive: a firewall that drops is no firewall to measure")
    return found


def received(guest: Guest) -> int:
    """Packets that have come to that guest."""
    (link,) = guest.inside.json("ip", "-j", "-s", "link", "show", "eth0")
    return int(link["stats64"]["rx"]["packets"])


def packet_rates(lab: Lab, rounds: int, seconds: float) -> list[dict[str, object]]:
    """One row for each case."""
    sender, receiver = lab.guests
    states = {case: wanted_by(lab, case) for case in CASES}
    rates: dict[Case, list[float]] = {case: [] for case in CASES}
    rules: dict[Case, int] = {}
    for number in range(rounds):
        for case in CASES if number % 2 else reversed(CASES):
            rules[case], _ = load(lab, states[case])
            rates[case].append(rate(sender, receiver, seconds))
    # Each round's rate relative to the same round's without groups: the machine's mood cancels out.
    return [
        {
            "case": case.name,
            "rules": rules[case],
            "packets_per_second": round(statistics.median(rates[case])),
            "share_of_none": round(
                statistics.median(here / none for here, none in zip(rates[case], rates[CASES[0]], strict=True)), 3
            ),
        }
        for case in CASES
    ]


def many_members(lab: Lab, rounds: int) -> dict[str, object]:
    """What a host has to do for a group of many, one of whom comes and goes."""
    for guest in lab.guests:
        guest.permissions = Permissions(groups=["mates"])
    state = lab.state(lab.nodes[0])
    addresses = [*(IPv4Network(guest.address) for guest in lab.guests), *others(lab, MANY - len(lab.guests))]
    everybody = {"mates": frozenset(addresses)}
    all_but_one = {"mates": frozenset(addresses[:-1])}
    joined = Members(generation=2, whole=False, groups=[GroupMembers(id="mates", added=addresses[-1:])])
    worked_out, told = [], []
    memory = _peak()
    for _ in range(rounds):
        with _timed(worked_out):
            before = desired(state, all_but_one)
            table, found = ruleset.inet_table(before), ruleset.elements(before, [])["inet"]
        load(lab, before)
        after = desired(state, membership.updated(all_but_one, joined))
        commands = ruleset.change(table, ruleset.elements(after, [])["inet"], found)
        with _timed(told):
            lab.nodes[0].namespace.run("nft", "-f", "-", stdin="\n".join(commands) + "\n")
    return {
        "members": MANY,
        "bytes_of_all": len(Changes(state=None, members=membership.whole(1, everybody)).model_dump_json()),
        "bytes_of_one_more": len(Changes(state=None, members=joined).model_dump_json()),
        "working_out_ms": round(statistics.median(worked_out) * 1000, 1),
        "nft_with_one_more_ms": round(statistics.median(told) * 1000, 1),
        "elements_changed": len(commands),
        "memory_mib": round((_peak() - memory) / 1024, 1),
    }


@contextmanager
def _timed(seconds: list[float]) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds.append(time.perf_counter() - started)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> int:
    """Measure, print tables and JSON."""
    options = command.measured_options(__doc__)
    with closing(Lab(1)) as lab:
        lab.groups = GROUPS
        guests = [lab.guest(0, 1, 1), lab.guest(0, 1, 1)]
        lab.allow((1, 1), (1, 1))
        with listening(lab, *guests):
            rows = packet_rates(lab, options.rounds, options.seconds)
            many = many_members(lab, options.rounds)
    result = {"benchmark": "groups", "rounds": options.rounds, "target_share": TARGET, "results": rows, "many": many}
    print(f"{'':<28} {'rules':>6} {'packets/s':>10} {'of none':>8}")
    for row in rows:
        print(f"{row['case']:<28} {row['rules']:>6} {row['packets_per_second']:>10} {row['share_of_none']:>8.1%}")
    for name, value in many.items():
        print(f"{name.replace('_', ' '):<28} {value:>10,}")
    command.publish(result, options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
