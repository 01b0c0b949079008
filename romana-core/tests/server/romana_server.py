"""Real server processes and romana-manage, as a machine runs them: TLS on, tokens with every role."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import URL

from romana.models import Plan
from romana.store import migrate
from romana.store.database import Database
from romana.store.tokens import WantedTokens, ensure_tokens

from ..agent.starting import MANAGE, Process, forked_server, forked_to_its_end

SOURCE = Path(__file__).parents[2] / "src"
DEADLINE_SECONDS = 120
ROLES = {"admin": "admin", "neutron": "neutron", "reader": "reader", "a": "agent:a", "b": "agent:b", "expired": "admin"}
TOKENS = {name: f"{name}-0123456789abcdef0123456789abcdef" for name in ROLES}


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Returns when the condition holds; fails when that takes too long."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"not in {DEADLINE_SECONDS} s: {what}"
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(base: Path) -> dict[str, str]:
    """Variables of the processes: nothing of this machine but where bytecode is; all else that they keep is in base."""
    names = ("PATH", "LANG", "LC_ALL", "PYTHONPYCACHEPREFIX")
    kept = {name: value for name, value in os.environ.items() if name in names}
    return kept | {"PYTHONPATH": str(SOURCE), "TMPDIR": str(base)}


@dataclass
class Site:
    """What servers over one database share: a directory, certificates, and romana-manage."""

    directory: Path
    url: URL
    certificate: Path
    key: Path
    ca_file: Path
    environment: Mapping[str, str]
    trust: ssl.SSLContext = field(init=False)

    def __post_init__(self) -> None:
        self.trust = ssl.create_default_context(cafile=self.ca_file)

    def config(self, port: int | None = None, **values: object) -> Path:
        """A server.toml; values that are given replace ours."""
        keys: dict[str, object] = {
            "database_url": self.url.render_as_string(hide_password=False),
            "listen": "127.0.0.1",
            "port": port or free_port(),
            "tls_cert": str(self.certificate),
            "tls_key": str(self.key),
        }
        plan = values.pop("plan", None)
        lines = [f"{name} = {json.dumps(value)}" for name, value in (keys | values).items()]
        if isinstance(plan, dict):
            lines += ["[plan]", *(f"{name} = {json.dumps(value)}" for name, value in plan.items())]
        path = self.directory / f"server-{len(list(self.directory.glob('server-*.toml')))}.toml"
        path.write_text("\n".join(lines) + "\n")
        path.chmod(0o600)
        return path

    def run(
        self, program: tuple[str, ...], config: Path, *arguments: str, fed: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """`program --config config arguments` to its end."""
        return forked_to_its_end(program, ["--config", str(config), *arguments], self.environment, fed or "")

    def manage(self, *arguments: str, fed: str | None = None) -> str:
        """What romana-manage prints; it has to succeed."""
        done = self.run(MANAGE, self.config(), *arguments, fed=fed)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def init(self, plan: Plan | None = None) -> None:
        """Make the store and its tokens, as romana-manage does, without starting it: that takes a second each time."""
        migrate.init(self.url, plan or Plan())
        database = Database(self.url)
        wanted = WantedTokens.model_validate_json(f'{{"tokens": {wanted_tokens()}}}')
        ensure_tokens(database, wanted, only_say=False)
        database.close()


def wanted_tokens() -> str:
    past = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    return json.dumps(
        [
            {"name": name, "role": role, "token": TOKENS[name], "expires_at": past if name == "expired" else None}
            for name, role in ROLES.items()
        ]
    )


def executed(arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> Process:
    """Start a romana-server as systemd does."""
    with log.open("ab") as file:
        command = [sys.executable, "-m", "romana.server.main", *arguments]
        return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=file)


class RomanaServer:
    """One romana-server."""

    def __init__(self, site: Site, **values: object) -> None:
        self.site = site
        self.port = free_port()
        self._config = site.config(self.port, **values)
        self._log = self._config.with_suffix(".log")
        # Of several processes, each is to find where to count before anything counts.
        start = executed if "workers" in values else forked_server
        self.process: Process = start(["--config", str(self._config)], site.environment, self._log)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return self._log.read_text()

    def wait_until_healthy(self) -> None:
        def healthy() -> bool:
            assert self.process.poll() is None, f"romana-server ended: {self.log}"
            try:
                return client.get("/healthz").status_code == httpx.codes.OK
            except httpx.TransportError:
                return False

        with self.client(None) as client:
            wait_until(healthy, "romana-server is healthy")

    def client(self, token: str | None = "admin") -> httpx.Client:  # noqa: S107 - the name of a token
        """A client with that token; None: without."""
        headers = {} if token is None else {"Authorization": f"Bearer {TOKENS[token]}"}
        return httpx.Client(base_url=self.url, headers=headers, verify=self.site.trust, timeout=2 * DEADLINE_SECONDS)

    def terminate(self) -> int:
        """Tell it to end, and wait for that; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE_SECONDS)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(DEADLINE_SECONDS)

    def close(self) -> None:
        """End it, whatever happened."""
        if self.process.poll() is None:
            try:
                self.terminate()
            finally:
                self.kill()


class Poll:
    """A request that waits, in a thread of its own.

    Args:
        server: whom it asks.
        path: what for.
        after: the generation up to which it knows everything; or all such parameters, by their names.
        token: the name of the token it shows.
    """

    def __init__(self, server: RomanaServer, path: str, after: int | dict[str, int], token: str) -> None:
        self._server = server
        self._sent = threading.Event()
        self._answer: Future[httpx.Response] = Future()
        threading.Thread(
            target=self._ask, args=(path, after if isinstance(after, dict) else {"after": after}, token), daemon=True
        ).start()

    def wait_until_it_waits(self) -> None:
        """Returns when the server has the request: it is sent, and the server has answered others since."""
        assert self._sent.wait(DEADLINE_SECONDS)
        with self._server.client() as client:
            for _ in range(3):
                client.get("/v1/plan").raise_for_status()
        assert not self._answer.done()

    def answer(self) -> httpx.Response:
        return self._answer.result(timeout=DEADLINE_SECONDS)

    def _ask(self, path: str, seen: dict[str, int], token: str) -> None:
        def trace(event: str, _: Mapping[str, Any]) -> None:
            if event == "http11.send_request_body.complete":
                self._sent.set()

        try:
            with self._server.client(token) as client:
                self._answer.set_result(client.get(path, params={**seen, "wait": 60}, extensions={"trace": trace}))
        except httpx.TransportError as error:
            self._answer.set_exception(error)


def children(server: RomanaServer) -> set[int]:
    """Process ids of a server's workers."""
    pid = server.process.pid
    return {int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}
