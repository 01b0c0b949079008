"""Floating IPs and routers on three hosts: rules, from an association to the first packet, an agent's restart.

Most endpoints are taps with nobody behind them. Beside them, guests ping and are pinged by their floating IPs all the
time, from outside and by each other: what others of them lose is counted. The clock of an association starts at the
answer of romana-server and stops when a packet of somebody outside, who has been asking all the time, is with the
guest; how long one waits who asks it for the first time is measured apart. Needs root.

    python benchmarks/floating_ips.py [--floating-ips 500] [--routers 200] [--associations 100] [--restarts 10]
        [--output FILE]
"""

from __future__ import annotations

import socket
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import command

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / "romana-core/src"), str(REPOSITORY / "romana-core/tests/agent")]

from agent_lab import Guest, Lab, Namespace, bare_taps, until
from inside import inside
from outside_lab import Outside
from pinger import Pinger
from server_lab import EXECUTED, LabServer

from romana.client import Client
from romana.models import EndpointCreate, FloatingIpPut, RouterPut, RouterSegment, SegmentCreate, TenantCreate

HOSTS = 3
TARGET = 1.0  # seconds: of an association's p99, and of a restart
SEGMENTS = 15  # of a tenant: all that the default plan has
OUTSIDE = "192.168.99.1"
NETWORK = IPv4Network("172.24.0.0/20")
PORT = 7001
PATIENCE = 30.0  # seconds
EVERY = 0.002  # seconds between questions
INTERVAL = 0.01  # seconds between pings
ADDRESSES = map(str, NETWORK.hosts())


class Asker(threading.Thread):
    """Somebody outside who asks an address until it has got to the guest; `when`: that was."""

    def __init__(self, outside: Namespace, address: str, guest: Guest) -> None:
        super().__init__(daemon=True)
        self._to = (address, PORT)
        self.when = 0.0
        with inside(outside.name):
            self._asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with inside(guest.inside.name):
            self._asked = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._asked.bind(("", PORT))
        self._asked.settimeout(EVERY)

    def run(self) -> None:
        """Ask again and again."""
        deadline = time.perf_counter() + PATIENCE
        while not self.when and time.perf_counter() < deadline:
            try:
                self._asking.sendto(b"?", self._to)
                self._asked.recv(1)
            except OSError:  # nothing has come, or the kernel has just found that nobody has the address
                continue
            self.when = time.perf_counter()

    def arrived(self) -> float:
        """When it has got there; ends the program when it has not."""
        self.join()
        self._asking.close()
        self._asked.close()
        if not self.when:
            raise SystemExit(f"nothing sent to {self._to[0]} arrived within {PATIENCE} s")
        return self.when


def make_routers(server: LabServer, count: int) -> list[RouterSegment]:
    """Routers that lead outside, each between two segments; returns the segments."""
    segments = [
        RouterSegment(tenant=f"t{number // SEGMENTS}", segment=f"s{number % SEGMENTS}") for number in range(count)
    ]

    def make(client: Client) -> None:
        for tenant in sorted({one.tenant for one in segments}):
            client.create_tenant(TenantCreate(name=tenant))
        for one in segments:
            client.create_segment(one.tenant, SegmentCreate(name=one.segment))
        for number, one in enumerate(segments):
            pair = [one, segments[(number + 1) % count]]
            client.put_router(f"r{number}", RouterPut(segments=pair, outside=True))

    server.ask(make, timeout=600)
    return segments


def make_endpoints(server: LabServer, segments: list[RouterSegment], count: int) -> list[str]:
    """Endpoints without a guest, on all hosts by turns, whose taps are there; returns their ids."""
    wanted = [
        EndpointCreate(
            host=server.lab.nodes[number % HOSTS].name,
            tenant=segments[number % len(segments)].tenant,
            segment=segments[number % len(segments)].segment,
            mac=f"fa:16:3e:01:{number // 256:02x}:{number % 256:02x}",
            interface=f"many{number}",
        )
        for number in range(count)
    ]
    ids = server.ask(lambda client: [client.create_endpoint(one).id for one in wanted], timeout=600)
    for number, node in enumerate(server.lab.nodes):
        bare_taps(node.namespace, [one.interface for one in wanted[number::HOSTS]])
    return ids


def make_guests(server: LabServer) -> list[Guest]:
    """A guest on each host; they may ask those outside."""
    segment = RouterSegment(tenant="admin", segment="s1")
    server.ask(lambda client: client.put_router("guests", RouterPut(segments=[segment], outside=True)))
    guests = [server.guest(number, "s1") for number in range(HOSTS)]
    for guest in guests:
        guest.plug()
        guest.configure()
    return guests


def associate(server: LabServer, address: str, endpoint: str) -> float:
    """Give an endpoint a floating IP. Returns when the server had answered."""
    server.ask(lambda client: client.put_floating_ip(address, FloatingIpPut(endpoint=endpoint)))
    return time.perf_counter()


def measure_associations(
    server: LabServer, outside: Namespace, guests: list[Guest], count: int
) -> list[dict[str, float]]:
    """Seconds of each association: until the first packet; and from the first question of who has not asked before."""
    samples = []
    for number in range(-1, count):  # the first is for connections to be made
        address, guest = next(ADDRESSES), guests[number % len(guests)]
        asker = Asker(outside, address, guest)
        asker.start()
        answered = associate(server, address, guest.id)
        arrived = asker.arrived() - answered
        outside.run("ip", "neigh", "del", address, "dev", "eth0")
        newcomer = Asker(outside, address, guest)
        began = time.perf_counter()
        newcomer.start()
        if number >= 0:
            samples.append({"first_packet": arrived, "newcomer": newcomer.arrived() - began})
        else:
            newcomer.arrived()
        server.ask(lambda client, address=address: client.delete_floating_ip(IPv4Address(address)))
    return samples


@contextmanager
def pinged(outside: Namespace, floating: dict[str, Guest], counts: dict[str, int]) -> Iterator[None]:
    """Ping and be pinged by floating IPs meanwhile; counts: how many pings there were and how many were lost."""
    ring = list(floating.items())
    pingers = [
        pinger
        for (address, guest), (_, other) in zip(ring, [*ring[1:], ring[0]], strict=True)
        for pinger in (
            Pinger(outside, address, INTERVAL), Pinger(guest, OUTSIDE, INTERVAL), Pinger(guest, other, INTERVAL)
        )
    ]  # fmt: skip
    yield
    for pinger in pingers:
        sent, lost = pinger.losses()
        counts["pings"] += sent
        counts["lost"] += lost


def milliseconds(samples: list[dict[str, float]], name: str) -> dict[str, float]:
    """Median and 99th percentile of what was measured."""
    values = sorted(1000 * sample[name] for sample in samples)
    return {
        f"{name}_p50_ms": round(statistics.median(values), 1),
        f"{name}_p99_ms": round(values[int(0.99 * (len(values) - 1))], 1),
    }


def measure(server: LabServer, floats: int, routers: int, associations: int, restarts: int) -> dict[str, object]:
    """All of it."""
    node = server.lab.nodes[0]
    segments = make_routers(server, routers - 1)
    others, movers = make_guests(server), [server.guest(number, "s1") for number in range(HOSTS)]
    for guest in movers:
        guest.plug()
        guest.configure()
    endpoints = make_endpoints(server, segments, floats - len(others))
    floating = {next(ADDRESSES): guest for guest in others}
    first, *rest = floating.items()
    associate(server, first[0], first[1].id)
    server.settle()
    rules = [node.rule_count()]
    for address, guest in rest:
        associate(server, address, guest.id)
    for endpoint in endpoints:
        associate(server, next(ADDRESSES), endpoint)
    server.settle()
    rules.append(node.rule_count())
    counts = {"pings": 0, "lost": 0}
    with closing(Outside(server.lab, OUTSIDE)) as outside:
        outside.run("ip", "route", "add", str(NETWORK), "dev", "eth0")
        for address, guest in floating.items():
            until(lambda a=address, g=guest: outside.reaches(a) and g.reaches(OUTSIDE), "the guests are reached")
        with pinged(outside, floating, counts):
            samples = measure_associations(server, outside, movers, associations)
            server.settle()
            seconds = []
            for _ in range(restarts):
                node.kill_agent()
                seconds.append(node.start_agent())
            server.settle()
    return {
        "rules_with_1": rules[0],
        "rules": rules[1],
        **milliseconds(samples, "first_packet"),
        **milliseconds(samples, "newcomer"),
        "restart_median_s": round(statistics.median(seconds), 2),
        "restart_worst_s": round(max(seconds), 2),
        **counts,
    }


def main() -> int:
    """Measure, print a table and JSON."""
    parser = command.parser(__doc__)
    parser.add_argument("--floating-ips", type=int, default=500, help="on all hosts, default %(default)s")
    parser.add_argument("--routers", type=int, default=200, help="default %(default)s")
    parser.add_argument("--associations", type=int, default=100, help="default %(default)s")
    parser.add_argument("--restarts", type=int, default=10, help="default %(default)s")
    options = command.root_options(parser)
    with ExitStack() as stack:
        lab = stack.enter_context(closing(Lab(HOSTS)))
        for node in lab.nodes:
            node.masquerade = True
            node.configure()
        server = stack.enter_context(closing(LabServer(lab, EXECUTED)))
        for node in lab.nodes:
            node.start_agent()
        found = measure(server, options.floating_ips, options.routers, options.associations, options.restarts)
    result = {
        "benchmark": "floating_ips",
        "hosts": HOSTS,
        "floating_ips": options.floating_ips,
        "routers": options.routers,
        "associations": options.associations,
        "restarts": options.restarts,
        "target_p99_ms": 1000 * TARGET,
        "target_restart_s": TARGET,
        "target_lost": 0,
        **found,
    }
    for key, value in result.items():
        print(f"{key.replace('_', ' '):<22} {value}")
    command.publish(result, options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
