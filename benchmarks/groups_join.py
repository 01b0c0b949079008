"""From the server's answer that an endpoint has joined a group to that being in the kernels of all hosts.

One host has many endpoints in ten groups whose rules name the group itself; an endpoint of another host goes from group
to group. The clock starts at the answer of romana-server and stops when nft has told of the element on both hosts.
Propagation is measured apart: when the same news reached a request like the agents', that was waiting for it. Needs
root.

    python benchmarks/groups_join.py [--endpoints 1000] [--joins 200] [--output FILE]
"""

from __future__ import annotations

import os
import select
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import command

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / "romana-core/src"), str(REPOSITORY / "romana-core/tests/agent")]

from agent_lab import Guest, Lab, Node, bare_taps, until
from server_lab import EXECUTED, LabServer

from romana.agent.api import NOTHING, Server
from romana.agent.config import AgentSettings
from romana.client import Client
from romana.models import Direction, EndpointCreate, EndpointUpdate, GroupPut, GroupRule, Permissions, SegmentCreate
from romana.settings import load

GROUPS = [f"group{number}" for number in range(10)]
TARGET = 0.1  # seconds, p99, beside propagation
PATIENCE = 30.0  # seconds


class Monitor:
    """What nft tells of new elements on a node."""

    def __init__(self, node: Node) -> None:
        argv = node.namespace.command("nft", "monitor", "new", "elements")
        self._process = subprocess.Popen(argv, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self._output = self._process.stdout.fileno()
        self._seen = b""

    def until(self, mapping: str, address: str) -> float:
        """When an element with that address came into that map."""
        names = (f" {mapping} ".encode(), f" {address} ".encode())
        deadline = time.perf_counter() + PATIENCE
        while True:
            *lines, self._seen = self._seen.split(b"\n")
            if any(all(name in line for name in names) for line in lines):
                return time.perf_counter()
            if not select.select([self._output], [], [], max(0.0, deadline - time.perf_counter()))[0]:
                raise SystemExit(f"nothing told of {address} in {mapping} within {PATIENCE} s")
            self._seen += os.read(self._output, 1 << 16)

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()


class Follower(threading.Thread):
    """A request like an agent's, in the server's own network; `when`: the last time that it was answered."""

    def __init__(self, server: LabServer, node: Node) -> None:
        super().__init__(daemon=True)
        self._lab_server = server
        self._server = Server(load(node.config, AgentSettings))
        self.when = 0.0
        self.told = threading.Event()
        self._ended = threading.Event()

    def run(self) -> None:
        """Ask until told to end."""
        self._lab_server.enter()
        seen = NOTHING
        while not self._ended.is_set():
            if changes := self._server.changes(seen, 1):
                self.when = time.perf_counter()
                seen = seen.after(changes)
                self.told.set()
        self._server.close()

    def end(self) -> None:
        """Wait until it has ended."""
        self._ended.set()
        self.join()


def fill(server: LabServer, count: int) -> None:
    """Give node 0 that many endpoints, in all groups by turns."""
    node = server.lab.nodes[0]
    segments = [f"many{number}" for number in range(1 + count // 200)]

    def make(client: Client) -> None:
        for name in GROUPS:
            own = GroupRule(direction=Direction.INGRESS, remote_group=name)
            client.put_group(name, GroupPut(name=name, rules=[GroupRule(direction=Direction.EGRESS), own]))
        for name in segments:
            client.create_segment("admin", SegmentCreate(name=name))
        for number in range(count):
            endpoint = EndpointCreate(
                host=node.name,
                tenant="admin",
                segment=segments[number % len(segments)],
                mac=f"fa:16:3e:01:{number // 256:02x}:{number % 256:02x}",
                interface=f"many{number}",
                permissions=Permissions(groups=[GROUPS[number % len(GROUPS)]]),
            )
            client.create_endpoint(endpoint)

    server.ask(make, timeout=600)
    bare_taps(node.namespace, [f"many{number}" for number in range(count)])
    applied = server.ask(lambda client: client.host(node.name)).generation
    until(lambda: server.ask(lambda client: client.applied(node.name)).generation >= applied, "all is in place")


def join(server: LabServer, guest: Guest, group: str) -> float:
    """Put an endpoint into just that group. Returns when the server had answered."""
    update = EndpointUpdate(permissions=Permissions(groups=[group]))
    server.ask(lambda client: client.update_endpoint(guest.id, update))
    return time.perf_counter()


def measure(server: LabServer, joins: int) -> list[dict[str, float]]:
    """Seconds of each join: until the follower knew, and until it was in place on both hosts."""
    near, own = server.lab.nodes
    guest = server.guest(1, "s1")
    guest.plug()
    monitors = (Monitor(near), Monitor(own))
    follower = Follower(server, near)
    follower.start()
    samples = []
    try:
        for number in range(-1, joins):  # the first is for connections to be made
            follower.told.clear()
            answered = join(server, guest, GROUPS[number % len(GROUPS)])
            in_place = max(monitors[0].until("near", guest.address), monitors[1].until("ingress", guest.address))
            if not follower.told.wait(PATIENCE):
                raise SystemExit(f"the server told nobody within {PATIENCE} s")
            if number >= 0:
                samples.append({"propagation": follower.when - answered, "in_place": in_place - answered})
    finally:
        follower.end()
        for monitor in monitors:
            monitor.close()
    return samples


def main() -> int:
    """Measure, print a table and JSON."""
    parser = command.parser(__doc__)
    parser.add_argument("--endpoints", type=int, default=1000, help="on the host, default %(default)s")
    parser.add_argument("--joins", type=int, default=200, help="default %(default)s")
    options = command.root_options(parser)
    server = LabServer(Lab(2), EXECUTED)
    try:
        for node in server.lab.nodes:
            node.start_agent()
        alone = server.lab.nodes[0].rule_count()
        fill(server, options.endpoints)
        samples = measure(server, options.joins)
        rules = server.lab.nodes[0].rule_count()
    finally:
        server.close()
        server.lab.close()
    result = {
        "benchmark": "groups_join",
        "endpoints": options.endpoints,
        "groups": len(GROUPS),
        "joins": options.joins,
        "target_p99_ms": 1000 * TARGET,
        "rules": rules,
        "rules_without_endpoints": alone,
    }
    for name in ("propagation", "in_place"):
        values = sorted(1000 * sample[name] for sample in samples)
        result[f"{name}_p50_ms"] = round(statistics.median(values), 1)
        result[f"{name}_p99_ms"] = round(values[int(0.99 * (len(values) - 1))], 1)
    for key, value in result.items():
        print(f"{key.replace('_', ' '):<26} {value}")
    command.publish(result, options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
