"""A real romana-server with TLS and tokens, a small network in it, and the real `romana` as a process."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import URL

from romana import models
from romana.cli.main import main
from romana.client import Client
from romana.store import migrate
from romana.store.database import Database
from romana.store.tokens import WantedTokens, ensure_tokens

from ..agent.starting import ROMANA, Process, forked_server, forked_to_its_end
from .certificates import Authority

SOURCE = Path(__file__).parents[2] / "src"
TOKENS = {name: f"{name}-0123456789abcdef0123456789abcdef" for name in ("admin", "reader", "expired", "compute01")}
SEGMENTS = ("default", "s1", "s2")
START_SECONDS = 120


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Server:
    """A running romana-server; `tokens` are files."""

    url: str
    ca_file: Path
    tokens: dict[str, Path] = field(default_factory=dict)

    def client(self, token: str = "admin") -> Client:  # noqa: S107 - the name of a token
        return Client(self.url, self.ca_file, self.tokens[token].read_text())

    def options(self, token: str = "admin") -> list[str]:  # noqa: S107 - the name of a token
        return ["--url", self.url, "--ca-file", str(self.ca_file), "--token-file", str(self.tokens[token])]

    def report(self, applied: models.Applied, host: str) -> None:
        """Say what the agent of `host` has applied, as it does."""
        httpx.put(
            f"{self.url}/v1/hosts/{host}/applied",
            content=applied.model_dump_json(),
            headers={"Authorization": f"Bearer {self.tokens[host].read_text()}", "Content-Type": "application/json"},
            verify=_trust(self.ca_file),
        ).raise_for_status()


Romana = Callable[..., Done]


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables of the processes: no configuration of this machine, but where bytecode is."""
    home = tmp_path_factory.mktemp("home")
    names = ("PATH", "LANG", "LC_ALL", "TMPDIR", "PYTHONPYCACHEPREFIX")
    kept = {name: value for name, value in os.environ.items() if name in names}
    return kept | {
        "HOME": str(home),
        "PYTHONPATH": str(SOURCE),
        "ROMANA_CONFIG": str(home / "missing.toml"),
    }


@pytest.fixture(scope="session")
def process(environment: dict[str, str]) -> Romana:
    """`romana` with these arguments as a process of its own, as a shell starts it."""

    def start(*arguments: str) -> Done:
        command = [sys.executable, "-m", "romana.cli.main", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
        return Done(done.returncode, done.stdout, done.stderr)

    return start


@pytest.fixture(scope="session")
def forked(environment: dict[str, str]) -> Romana:
    """The same in less time: its modules are imported already."""

    def start(*arguments: str) -> Done:
        done = forked_to_its_end(ROMANA, arguments, environment)
        return Done(done.returncode, done.stdout, done.stderr)

    return start


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> Romana:
    """The same from its entry function on, in this process: faster still, for the long tables."""
    monkeypatch.setenv("ROMANA_CONFIG", environment["ROMANA_CONFIG"])

    def start(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["romana", *arguments])
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main()
        return Done(code, out.getvalue(), err.getvalue())

    return start


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Iterator[Server]:
    """romana-server on SQLite."""
    directory = tmp_path_factory.mktemp("server")
    authority = Authority(directory / "pki")
    certificate, key = authority.issue("127.0.0.1")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = directory / "server.toml"
    config.write_text(
        f'database_url = "sqlite:///{directory}/romana.db"\n'
        f'listen = "127.0.0.1"\nport = {port}\ntls_cert = "{certificate}"\ntls_key = "{key}"\n'
    )
    config.chmod(0o600)
    _make_store(URL.create("sqlite", database=f"{directory}/romana.db"))
    running = Server(f"https://127.0.0.1:{port}", authority.ca_file)
    for name, token in TOKENS.items():
        running.tokens[name] = directory / f"{name}.token"
        running.tokens[name].write_text(token)
    log = directory / "log"
    process = forked_server(["--config", str(config)], environment, log)
    try:
        _wait_until_healthy(running, process, log)
        yield running
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(START_SECONDS)


@pytest.fixture(scope="session")
def network(server: Server) -> Server:
    """The network that `romana-setup` makes, with an endpoint on each host; tests only look at it."""
    with server.client() as api:
        for index, name in enumerate(("controller", "compute01")):
            api.create_host(models.HostCreate.model_validate({"name": name, "address": f"192.168.99.{10 + index}"}))
        for tenant in ("admin", "demo"):
            api.create_tenant(models.TenantCreate(name=tenant))
            for segment in SEGMENTS:
                api.create_segment(tenant, models.SegmentCreate(name=segment))
        for index, (host, name) in enumerate((("controller", "web0"), ("compute01", "web1"))):
            wanted = models.EndpointCreate(
                host=host,
                tenant="admin",
                segment="s1",
                mac=f"fa:16:3e:00:00:0{index}",
                interface=f"tap{index}",
                name=name,
            )
            api.create_endpoint(wanted, key=name)
        api.create_policy(
            models.PolicyCreate(
                name="web",
                source=models.Peer(tenant="demo"),
                target=models.Peer(tenant="admin", segment="s1"),
                protocol=models.Protocol.TCP,
                ports=["80", "8000-8010"],
            )
        )
    return server


@pytest.fixture
def romana(run: Romana, server: Server) -> Romana:
    """`romana` as admin of the server."""

    def start(*arguments: str) -> Done:
        return run(*arguments, *server.options())

    return start


def _make_store(url: URL) -> None:
    """What romana-manage does, without starting it twice."""
    roles = {"admin": "admin", "reader": "reader", "expired": "admin", "compute01": "agent:compute01"}
    past = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    wanted = [
        {"name": name, "role": roles[name], "token": token, "expires_at": past if name == "expired" else None}
        for name, token in TOKENS.items()
    ]
    migrate.init(url, models.Plan())
    database = Database(url)
    ensure_tokens(database, WantedTokens.model_validate_json(json.dumps({"tokens": wanted})), only_say=False)
    database.close()


def _trust(ca_file: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file)


def _wait_until_healthy(server: Server, process: Process, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        assert process.poll() is None, f"romana-server ended: {log.read_text()}"
        assert time.monotonic() < deadline, f"romana-server is not healthy: {log.read_text()}"
        try:
            if httpx.get(f"{server.url}/healthz", verify=_trust(server.ca_file)).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.02)
