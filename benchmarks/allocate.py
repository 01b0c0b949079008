"""Allocations of addresses by concurrent clients, through several romana-server processes over one database.

Two parts, over MariaDB and then, by one server as in an installation, over SQLite; both are on this machine and durable
(each commit reaches the disk):

burst   200 requests at once on 200 connections. Every request must be answered with an endpoint of its own, and the
        store must have exactly those; each is then repeated with its idempotency key and must get the same endpoint.
steady  16 connections, each sending its next request as soon as it has the last one's answer. p99 should be below
        50 ms with everything on 2 cores: client, servers and database.

TLS is on, as in an installation. Connections are opened before the clock starts; the servers' CPU time includes the
200 or 16 handshakes.

    python benchmarks/allocate.py [--servers 2] [--requests 4000] [--output FILE]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from itertools import islice
from pathlib import Path

import command

REPOSITORY = Path(__file__).resolve().parents[1]
SOURCES = [str(REPOSITORY / "romana-core/src"), str(REPOSITORY / "romana-install/src")]
sys.path[:0] = [*SOURCES, str(REPOSITORY / "romana-core/tests"), str(REPOSITORY / "benchmarks")]

import allocate_client
from allocate_client import HOST, Job, Outcome
from mariadb import MariaDb
from sqlalchemy import URL

from romana.client import Client
from romana.contract import Unreachable
from romana.models import EndpointCreate, HostCreate, SegmentCreate, TenantCreate
from romana_install.state import pki

TARGET = 50.0  # milliseconds, p99 of the steady part over MariaDB
BURST = 200
PARALLEL = 16
WARM_UP = 200  # requests, not counted
HOSTS, TENANTS, SEGMENTS = 8, 3, 4  # 96 segments on hosts, of 253 addresses each
START_SECONDS = 30
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Servers:
    """Running servers over one database; `processes` are theirs, `database` the database's, if it has one."""

    ports: list[int]
    processes: list[int]
    database: int | None
    ca_file: Path
    token: str

    def client(self) -> Client:
        """Of the first server."""
        return Client(f"https://{HOST}:{self.ports[0]}", self.ca_file, self.token)

    def cpu(self) -> dict[str, float]:
        """CPU seconds so far."""
        return {
            "server": sum(_cpu(process) for process in self.processes),
            "database": 0.0 if self.database is None else _cpu(self.database),
        }


@contextlib.contextmanager
def serving(url: URL, database: int | None, count: int, directory: Path) -> Iterator[Servers]:
    """`count` servers over the empty database at `url`, each with a port of its own."""
    pki.ensure(directory, "benchmark", [HOST])
    token, ports = secrets.token_urlsafe(32), _free_ports(count)
    running: list[subprocess.Popen[bytes]] = []
    try:
        for port in ports:
            config = directory / f"server-{port}.toml"
            config.write_text(
                f'database_url = "{url.render_as_string(hide_password=False)}"\nlisten = "{HOST}"\nport = {port}\n'
                f'tls_cert = "{directory / "server.pem"}"\ntls_key = "{directory / "server.key"}"\n'
            )
            if not running:
                tokens = [{"name": "benchmark", "role": "admin", "token": token}]
                _python("-m", "romana.manage", "--config", str(config), "init")
                _python("-m", "romana.manage", "--config", str(config), "tokens", "ensure", given=json.dumps(tokens))
            command = [sys.executable, "-m", "romana.server.main", "--config", str(config)]
            running.append(subprocess.Popen(command, env=_environment()))
        servers = Servers(ports, [process.pid for process in running], database, directory / "ca.pem", token)
        for port in ports:
            _wait_for(port, servers)
        yield servers
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait()


def prepare(servers: Servers) -> Iterator[tuple[str, str]]:
    """Make hosts, tenants and segments. Returns requests for as many endpoints as they have addresses."""
    with servers.client() as client:
        for host in range(HOSTS):
            client.create_host(HostCreate(name=f"host{host}", address=IPv4Address(f"192.0.2.{1 + host}")))
        for tenant in range(TENANTS):
            client.create_tenant(TenantCreate(name=f"tenant{tenant}"))
            for segment in range(SEGMENTS):
                client.create_segment(f"tenant{tenant}", SegmentCreate(name=f"segment{segment}"))
    return _requests()


def _requests() -> Iterator[tuple[str, str]]:
    places = HOSTS * TENANTS * SEGMENTS
    for number in range(places * 253):
        place = number % places
        wanted = EndpointCreate(
            host=f"host{place % HOSTS}",
            tenant=f"tenant{place // HOSTS % TENANTS}",
            segment=f"segment{place // HOSTS // TENANTS}",
            mac=f"02:00:00:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}",
            interface=f"tap{number}",
        )
        yield f"benchmark-{number}", wanted.model_dump_json(exclude_none=True)


def measure(servers: Servers, parallel: int, requests: list[tuple[str, str]]) -> tuple[dict[str, object], Outcome]:
    """A row about new endpoints, and what the client got."""
    job = Job(servers.ports, str(servers.ca_file), servers.token, parallel, requests)
    with servers.client() as client:
        before = {endpoint.id for endpoint in client.endpoints()}
        used = servers.cpu()
        outcome = allocate_client.run(job)
        used = {name: seconds - used[name] for name, seconds in servers.cpu().items()} | {"client": outcome.cpu}
        stored = {endpoint.id: str(endpoint.address) for endpoint in client.endpoints()}
        contradictions = client.ipam_check().findings
    made = [json.loads(body) for status, body, _ in outcome.answers if status == 201]
    addresses = Counter(endpoint["address"] for endpoint in made)
    kept = sum(stored.get(endpoint["id"]) == endpoint["address"] for endpoint in made)
    times = sorted(milliseconds for status, _, milliseconds in outcome.answers if status)
    row: dict[str, object] = {
        "parallel": parallel,
        "requests": len(requests),
        "p50_ms": round(statistics.median(times), 1),
        "p99_ms": round(times[int(0.99 * len(times))], 1),
        "max_ms": round(times[-1], 1),
        "per_second": round(len(made) / outcome.seconds),
        "duplicates": sum(addresses.values()) - len(addresses),
        "lost": len(requests) - kept,
        "unasked": len(stored.keys() - before) - kept,
        "contradictions": len(contradictions),
        "cpu_ms_per_request": {name: round(1000 * seconds / len(requests), 2) for name, seconds in used.items()},
        "cores_busy": round(sum(used.values()) / outcome.seconds, 2),
    }
    return row, outcome


def different_when_repeated(servers: Servers, requests: list[tuple[str, str]], first: Outcome) -> int:
    """How many requests get another answer when they are repeated, all at once."""
    job = Job(servers.ports[::-1], str(servers.ca_file), servers.token, len(requests), requests)
    again = allocate_client.run(job)
    return sum(
        status != 200 or json.loads(body) != json.loads(made or "null")
        for (status, body, _), (_, made, _) in zip(again.answers, first.answers, strict=True)
    )


def run(name: str, url: URL, database: int | None, count: int, options: argparse.Namespace) -> list[dict[str, object]]:
    """Both parts, by `count` servers over one database."""
    with (
        tempfile.TemporaryDirectory(prefix="romana-allocate-") as directory,
        serving(url, database, count, Path(directory)) as servers,
    ):
        source = prepare(servers)
        measure(servers, PARALLEL, list(islice(source, WARM_UP)))
        at_once = list(islice(source, BURST))
        burst, outcome = measure(servers, BURST, at_once)
        burst["different_when_repeated"] = different_when_repeated(servers, at_once, outcome)
        steady, _ = measure(servers, options.parallel, list(islice(source, options.requests)))
    common: dict[str, object] = {"database": name, "servers": count}
    return [common | {"part": "burst"} | burst, common | {"part": "steady"} | steady]


def main() -> int:
    """Measure, print a table and JSON. Returns 1 when an address was given twice or a request was lost."""
    parser = command.parser(__doc__)
    parser.add_argument(
        "--servers", type=int, default=2, help="romana-server processes over MariaDB, default %(default)s"
    )
    parser.add_argument("--requests", type=int, default=4000, help="of the steady part, default %(default)s")
    parser.add_argument("--parallel", type=int, default=PARALLEL, help="of the steady part, default %(default)s")
    parser.add_argument("--database", choices=("mariadb", "sqlite"), help="only this one")
    options = parser.parse_args()
    result: dict[str, object] = {"benchmark": "allocate", "target_p99_ms": TARGET, "machine": _machine()}
    rows: list[dict[str, object]] = []
    if options.database in (None, "mariadb"):
        with MariaDb(None) as mariadb, mariadb.database() as url:
            rows += run("mariadb", url, int(mariadb.socket.with_name("pid").read_text()), options.servers, options)
    if options.database in (None, "sqlite"):
        with tempfile.TemporaryDirectory(prefix="romana-allocate-") as directory:
            rows += run("sqlite", URL.create("sqlite", database=f"{directory}/romana.db"), None, 1, options)
    result["results"] = rows
    _print_table(rows)
    command.publish(result, options.output)
    wrong = ("duplicates", "lost", "unasked", "contradictions", "different_when_repeated")
    return int(any(row.get(name) for row in rows for name in wrong))


def _print_table(rows: list[dict[str, object]]) -> None:
    columns = ["database", "servers", "part", "parallel", "requests", "p50_ms", "p99_ms", "max_ms", "per_second"]
    columns += ["duplicates", "lost", "cores_busy"]
    print("  ".join(f"{column:>8}" for column in columns) + "  CPU ms per request")
    for row in rows:
        cells = "  ".join(f"{row[column]!s:>{max(8, len(column))}}" for column in columns)
        print(f"{cells}  {json.dumps(row['cpu_ms_per_request'])}")


def _machine() -> dict[str, object]:
    return {
        "cores": len(os.sched_getaffinity(0)),
        "load_before": round(os.getloadavg()[0], 2),  # other work on the machine while this is measured
        "python": platform.python_version(),
        "mariadb": subprocess.run(["mariadbd", "--version"], capture_output=True, text=True, check=True).stdout.strip(),
    }


def _cpu(process: int) -> float:
    """Seconds in user and system mode. Source: proc(5), fields 14 and 15 of stat."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server((HOST, 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in sockets]


def _wait_for(port: int, servers: Servers) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with Client(f"https://{HOST}:{port}", servers.ca_file, servers.token) as client:
                client.plan()
        except Unreachable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def _python(*arguments: str, given: str = "") -> None:
    subprocess.run(
        [sys.executable, *arguments], input=given, text=True, stdout=subprocess.DEVNULL, env=_environment(), check=True
    )


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join(SOURCES)}


if __name__ == "__main__":
    sys.exit(main())
