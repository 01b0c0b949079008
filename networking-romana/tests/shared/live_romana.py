"""A romana-server for Neutron's tests: a process with TLS over an SQLite file."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
from pathlib import Path

from romana.client import Client
from romana.models import HostCreate, Plan
from romana.store import migrate
from romana.store.database import Database
from romana.store.tokens import WantedTokens, ensure_tokens
from romana_install.state import pki
from sqlalchemy import URL

PROJECT = Path(__file__).parents[3]
ADDRESS = "127.0.0.1"
HOSTS = {"host-a": "192.0.2.1", "host-b": "192.0.2.2"}
ROLES = ("admin", "neutron", *(f"agent:{host}" for host in HOSTS))
START_SECONDS = 120


class Server:
    """Runs until `stop`, with the hosts of HOSTS. `environment` tells the tests inside Neutron how to reach it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._environment = {**os.environ, "PYTHONPATH": str(PROJECT / "romana-core" / "src")}
        with socket.socket() as probe:
            probe.bind((ADDRESS, 0))
            port = probe.getsockname()[1]
        pki.ensure(directory, "drivers", [ADDRESS])
        pki.ensure(directory / "other", "others", [ADDRESS])
        self._config = directory / "server.toml"
        self._database = directory / "romana.db"
        self._config.write_text(
            f'''database_url = "sqlite:///{self._database}"
listen = "{ADDRESS}"
port = {port}
tls_cert = "{directory}/server.pem"
tls_key = "{directory}/server.key"
'''
        )
        self._config.chmod(0o600)
        self.environment = {
            "ROMANA_URL": f"https://{ADDRESS}:{port}",
            "ROMANA_CA_FILE": str(directory / "ca.pem"),
            "ROMANA_TOKENS": str(directory),
            "ROMANA_DATABASE": str(self._database),
            "ROMANA_OTHER_CA_FILE": str(directory / "other" / "ca.pem"),
        }
        tokens = {role: secrets.token_urlsafe(32) for role in ROLES}
        self._make_store(tokens)
        for role, token in tokens.items():
            (directory / f"{role}.token").write_text(token)
        self._process = self._start()
        client = Client(self.environment["ROMANA_URL"], directory / "ca.pem", tokens["admin"])
        for name, address in HOSTS.items():
            client.create_host(HostCreate.model_validate({"name": name, "address": address}))

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(START_SECONDS)

    def _make_store(self, tokens: dict[str, str]) -> None:
        """What romana-manage does, without starting it twice."""
        url = URL.create("sqlite", database=str(self._database))
        migrate.init(url, Plan())
        database = Database(url)
        wanted = [
            {"name": role.replace(":", "-"), "role": role, "token": token, "expires_at": None}
            for role, token in tokens.items()
        ]
        ensure_tokens(database, WantedTokens.model_validate({"tokens": wanted}), only_say=False)
        database.close()

    def _start(self) -> subprocess.Popen[bytes]:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
            ready.bind(str(self._directory / "ready"))
            ready.settimeout(START_SECONDS)
            process = subprocess.Popen(
                [sys.executable, "-m", "romana.server.main", "--config", str(self._config)],
                env={**self._environment, "NOTIFY_SOCKET": str(self._directory / "ready")},
            )
            assert b"READY=1" in ready.recv(4096)
        return process
