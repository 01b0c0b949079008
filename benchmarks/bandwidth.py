"""Bandwidth limits: packet rate of guests that have none, beside a firewall that knows none; what TCP makes of a limit.

Two guests of one segment on one node, as in firewall_pairs.py; the runs are interleaved, each figure is a median. TCP
is one connection from a limited guest: what arrives once it has found its pace, beside its limit. Needs root.

    python benchmarks/bandwidth.py [--rounds 15] [--output FILE]
"""

from __future__ import annotations

import dataclasses
import multiprocessing
import socket
import statistics
import sys
import time
from contextlib import closing
from pathlib import Path

import command

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / "romana-core/src"), str(REPOSITORY / "romana-core/tests/agent")]

from agent_lab import Guest, Lab
from firewall_pairs import enter, listening
from groups import rate

from romana.agent import ruleset
from romana.agent.desired import Desired, desired
from romana.contract import LARGEST_RATE
from romana.models import Bandwidth, BandwidthLimit

TARGET = 0.95
OTHERS = 1000  # other endpoints of the node, all with limits
PACES = (1000, 10_000, 100_000, 1_000_000)  # kbit/s
PORT = 7000
SETTLE, LOOK = 4.0, 6.0  # seconds


def without_limits(table: ruleset.Table) -> ruleset.Table:
    """The table as it would be if nobody ever had a limit."""
    chains = {
        name: dataclasses.replace(chain, rules=tuple(rule for rule in chain.rules if not rule.startswith("limit name")))
        for name, chain in table.chains.items()
        if name != "delivered"
    }
    return dataclasses.replace(table, chains=chains)


def load(lab: Lab, wanted: Desired, *, limits: bool = True) -> None:
    """Put the firewall in place on node 0 anew."""
    inet = ruleset.inet_table(wanted)
    commands: list[str] = []
    for table in (inet if limits else without_limits(inet), ruleset.arp_table(wanted.plan.cidr)):
        elements = ruleset.elements(wanted, [])[table.family]
        commands += [*ruleset.delete(table.family), *ruleset.create(table), *ruleset.change(table, elements, {})]
    lab.nodes[0].namespace.run("nft", "-f", "-", stdin="\n".join(commands) + "\n")


def wanted_by(lab: Lab, limit: BandwidthLimit | None, others: int = 0) -> Desired:
    """What node 0 must have: its two guests with that limit, and so many others that have limits."""
    for guest in lab.guests:
        guest.bandwidth = Bandwidth(egress=limit, ingress=limit)
    found = desired(lab.state(lab.nodes[0]), {})
    slow = BandwidthLimit(rate=1000)
    more = tuple(
        dataclasses.replace(
            found.endpoints[0],
            address=str(found.plan.address(0, 1 + number // 200, 2, 3 + number % 200)),
            interface=f"other{number}",
            bandwidth=Bandwidth(egress=slow, ingress=slow),
        )
        for number in range(others)
    )
    return dataclasses.replace(found, endpoints=(*found.endpoints, *more))


def packet_rates(lab: Lab, rounds: int, seconds: float) -> list[dict[str, object]]:
    """One row for each case."""
    free, limited = wanted_by(lab, None), wanted_by(lab, BandwidthLimit(rate=LARGEST_RATE))
    cases = {
        "a firewall without limits": (free, False),
        "no limit": (free, True),
        f"no limit, {OTHERS:,} others limited": (wanted_by(lab, None, OTHERS), True),
        "a limit that is never reached": (limited, True),
    }
    rates: dict[str, list[float]] = {name: [] for name in cases}
    for number in range(rounds):
        for name in cases if number % 2 else reversed(cases):
            wanted, limits = cases[name]
            load(lab, wanted, limits=limits)
            rates[name].append(rate(*lab.guests, seconds))
    first = next(iter(rates.values()))
    return [
        {
            "case": name,
            "packets_per_second": round(statistics.median(found)),
            "share_of_first": round(statistics.median(here / none for here, none in zip(found, first, strict=True)), 3),
        }
        for name, found in rates.items()
    ]


def pour(namespace: str, address: str) -> None:
    """Send by TCP as much as passes, until it is ended."""
    enter(namespace)
    with socket.create_connection((address, PORT)) as channel:
        while True:
            channel.sendall(bytes(65536))


def swallow(namespace: str) -> None:
    """Take what one connection brings, until it is ended."""
    enter(namespace)
    with socket.create_server(("", PORT)) as listener:
        channel, _ = listener.accept()
        while channel.recv(1 << 20):
            pass


def share_of_limit(lab: Lab, pace: int) -> float:
    """How much of a limit one connection uses, headers included."""
    source, target = lab.guests
    load(lab, wanted_by(lab, BandwidthLimit(rate=pace)))
    processes = [
        multiprocessing.Process(target=swallow, args=(target.inside.name,)),
        multiprocessing.Process(target=pour, args=(source.inside.name, target.address)),
    ]
    processes[0].start()
    while f":{PORT} " not in target.inside.run("ss", "-Hltn"):
        time.sleep(0.01)
    processes[1].start()
    time.sleep(SETTLE)
    before, started = arrived(target), time.monotonic()
    time.sleep(LOOK)
    found = (arrived(target) - before) * 8 / 1000 / (time.monotonic() - started)
    for process in reversed(processes):
        process.kill()
        process.join()
    return round(found / pace, 3)


def arrived(guest: Guest) -> int:
    """Bytes that have come to that guest."""
    (link,) = guest.inside.json("ip", "-j", "-s", "link", "show", "eth0")
    return int(link["stats64"]["rx"]["bytes"])


def main() -> int:
    """Measure, print tables and JSON."""
    options = command.measured_options(__doc__)
    with closing(Lab(1)) as lab:
        guests = [lab.guest(0, 1, 1), lab.guest(0, 1, 1)]
        with listening(lab, *guests):
            rows = packet_rates(lab, options.rounds, options.seconds)
            shares = {pace: share_of_limit(lab, pace) for pace in PACES}
    result = {
        "benchmark": "bandwidth", "rounds": options.rounds, "target_share": TARGET, "results": rows,
        "tcp_share_of_limit_by_kbit_per_second": shares,
    }  # fmt: skip
    print(f"{'':<36} {'packets/s':>10} {'of first':>8}")
    for row in rows:
        print(f"{row['case']:<36} {row['packets_per_second']:>10} {row['share_of_first']:>8.1%}")
    for pace, share in shares.items():
        print(f"TCP, of {pace:>9,} kbit/s {share:>31.1%}")
    command.publish(result, options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
