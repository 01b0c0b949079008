"""Packet rate through a node with no firewall, with 1 and with 4,000 pairs loaded, and the number of rules.

Two guests of one segment on one node; one sends small UDP datagrams to the other as fast as it can, and the kernel
forwards them in the sender's own system calls. The rate is per second of that process's processor time, which other
load on the machine disturbs least; the runs are interleaved, each figure is a median. Needs root.

    python benchmarks/firewall_pairs.py [--rounds 15] [--output FILE]
"""

from __future__ import annotations

import ctypes
import ctypes.util
import multiprocessing
import socket
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path

import command

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / "romana-core/src"), str(REPOSITORY / "romana-core/tests/agent")]

from agent_lab import Guest, Lab

from romana.agent import ruleset
from romana.agent.desired import Desired, desired

BATCH = 512  # datagrams a system call
PAYLOAD = 18  # bytes: a 64-byte frame with its checksum
PORT = 9
PAIRS = (None, 1, 4000)
TARGET = 0.95

libc = ctypes.CDLL(ctypes.util.find_library("c"), use_errno=True)


class _Iovec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Msghdr(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p), ("namelen", ctypes.c_uint32), ("iov", ctypes.POINTER(_Iovec)),
        ("iovlen", ctypes.c_size_t), ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )  # fmt: skip


class _Mmsghdr(ctypes.Structure):
    _fields_ = (("header", _Msghdr), ("length", ctypes.c_uint32))


def enter(name: str) -> None:
    """Move this process into a network namespace."""
    with Path(f"/var/run/netns/{name}").open() as file:
        if libc.setns(file.fileno(), 0):
            raise OSError(ctypes.get_errno(), "setns")


def send(namespace: str, address: str, seconds: float, rates: multiprocessing.SimpleQueue[float]) -> None:
    """Put how many datagrams this process gets rid of per second of its processor time."""
    enter(namespace)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        channel.connect((address, PORT))
        payload = ctypes.create_string_buffer(PAYLOAD)
        vector = _Iovec(ctypes.cast(payload, ctypes.c_void_p), PAYLOAD)
        batch = (_Mmsghdr * BATCH)()
        for message in batch:
            message.header.iov = ctypes.pointer(vector)
            message.header.iovlen = 1
        sent = 0
        started = time.process_time()
        while (elapsed := time.process_time() - started) < seconds:
            sent += max(0, libc.sendmmsg(channel.fileno(), batch, BATCH, 0))
        rates.put(sent / elapsed)


def listen(namespace: str, ready: Event, stop: Event) -> None:
    """Hold a socket that swallows all datagrams, so that nobody answers 'port unreachable'."""
    enter(namespace)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        channel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
        channel.bind(("", PORT))
        ready.set()
        stop.wait()


def load(lab: Lab, wanted: Desired, pairs: int | None) -> int:
    """Put the firewall in place on node 0 with that many pairs, or take it away. Returns how many rules there are."""
    commands: list[str] = []
    tables = (ruleset.inet_table(wanted), ruleset.arp_table(wanted.plan.cidr))
    for table in tables:
        commands += ruleset.delete(table.family)
        if pairs is not None:
            elements = ruleset.elements(wanted, [])[table.family]
            if "pairs" in elements:
                own = {(str(key), str(key)) for key in [wanted.plan.segment_key(1, 2)]}
                others = sorted(elements["pairs"] - own)
                elements["pairs"] = frozenset(own) | frozenset(others[: pairs - 1])
                if len(elements["pairs"]) != pairs:
                    raise SystemExit(f"only {len(elements['pairs'])} pairs could be made, not {pairs}")
            commands += [*ruleset.create(table), *ruleset.change(table, elements, {})]
    lab.nodes[0].namespace.run("nft", "-f", "-", stdin="\n".join(commands) + "\n")
    return lab.nodes[0].rule_count()


def measure(
    lab: Lab, wanted: Desired, sender: Guest, receiver: Guest, rounds: int, seconds: float
) -> list[dict[str, object]]:
    """One row for each number of pairs."""
    rates: dict[int | None, list[float]] = {pairs: [] for pairs in PAIRS}
    rules: dict[int | None, int] = {}
    queue: multiprocessing.SimpleQueue[float] = multiprocessing.SimpleQueue()
    for number in range(rounds):
        for pairs in PAIRS if number % 2 else tuple(reversed(PAIRS)):
            rules[pairs] = load(lab, wanted, pairs)
            process = multiprocessing.Process(target=send, args=(sender.inside.name, receiver.address, seconds, queue))
            process.start()
            process.join(seconds + 30)
            if process.exitcode != 0:
                raise SystemExit(f"the sender ended with {process.exitcode}")
            rates[pairs].append(queue.get())
    # Each round's rate relative to the same round's without a firewall: the machine's mood cancels out.
    return [
        {
            "pairs": pairs,
            "rules": rules[pairs],
            "packets_per_second": round(statistics.median(rates[pairs])),
            "share_of_none": _share(rates[pairs], rates[None]),
            "share_of_one": _share(rates[pairs], rates[1]),
        }
        for pairs in PAIRS
    ]


@contextmanager
def listening(lab: Lab, sender: Guest, receiver: Guest) -> Iterator[None]:
    """Both guests of the first node have their leases, no agent changes it any more, and the receiver listens."""
    lab.push()
    for guest in (sender, receiver):
        if not guest.lease():
            raise SystemExit(f"{guest.id} got no lease")
    lab.nodes[0].kill_agent()
    stop, ready = multiprocessing.Event(), multiprocessing.Event()
    holder = multiprocessing.Process(target=listen, args=(receiver.inside.name, ready, stop))
    holder.start()
    try:
        ready.wait(10)
        yield
    finally:
        stop.set()
        holder.join()


def _share(rates: list[float], base: list[float]) -> float:
    return round(statistics.median(rate / other for rate, other in zip(rates, base, strict=True)), 3)


def main() -> int:
    """Measure, print a table and JSON."""
    options = command.measured_options(__doc__)
    with closing(Lab(1)) as lab:
        plan = lab.state(lab.nodes[0]).plan.address_plan()
        lab.segments = [(tenant, segment) for tenant in plan.tenants for segment in plan.segments]
        for source in lab.segments[:40]:
            for target in lab.segments[:100]:
                lab.allow(source, target)
        guests = [lab.guest(0, 1, 2), lab.guest(0, 1, 2)]
        with listening(lab, *guests):
            rows = measure(lab, desired(lab.state(lab.nodes[0]), {}), *guests, options.rounds, options.seconds)
    result = {"benchmark": "firewall_pairs", "rounds": options.rounds, "target_share": TARGET, "results": rows}
    print(f"{'pairs':>6} {'rules':>6} {'packets/s':>10} {'of none':>8} {'of one':>8}")
    for row in rows:
        name = "none" if row["pairs"] is None else row["pairs"]
        shares = f"{row['share_of_none']:>8.1%} {row['share_of_one']:>8.1%}"
        print(f"{name:>6} {row['rules']:>6} {row['packets_per_second']:>10} {shares}")
    command.publish(result, options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
