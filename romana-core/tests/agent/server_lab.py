"""A real romana-server on a lab's switch."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from agent_lab import SERVER, Guest, Lab, Namespace, Node, until
from sqlalchemy import URL
from starting import SOURCES, Process, forked_server

from romana.client import Client
from romana.contract import ClientError
from romana.models import Endpoint, EndpointCreate, HostCreate, Plan, SegmentCreate, TenantCreate
from romana.store import migrate
from romana.store.database import Database
from romana.store.tokens import WantedTokens, ensure_tokens

ASKING = 20  # questions at once
EXECUTED = ("-m", "romana.server.main")  # the program of a server as systemd starts it
SECONDS = 60  # until a server that is killed has ended
ADMIN = "admin-0123456789abcdef0123456789abcdef"

T = TypeVar("T")


class LabServer:
    """romana-server with SQLite and TLS in a namespace of its own, knowing the lab's nodes and some segments.

    Args:
        lab: where it is.
        program: what Python runs as the server; None: the server itself, which starts in less time.
        before: makes what is in the database already.
    """

    def __init__(
        self,
        lab: Lab,
        program: tuple[str, ...] | None = None,
        before: Callable[[URL], None] = lambda _: None,
    ) -> None:
        self.lab = lab
        self._program = program
        self.process: Process | None = None
        self.namespace = Namespace(lab.unique("c"))
        run = self.namespace.run
        run("ip", "link", "add", "eth0", "type", "veth", "peer", "ps", "netns", lab.switch.name)
        lab.switch.run("ip", "link", "set", "ps", "master", "bridge0", "up")
        run("ip", "addr", "add", f"{SERVER}/24", "dev", "eth0")
        run("ip", "link", "set", "eth0", "up")
        directory = lab.directory
        certificate, key = directory / "ca.pem", directory / "server.key"
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=romana-server", "-addext", f"subjectAltName=IP:{SERVER}",
            "-keyout", str(key), "-out", str(certificate))  # fmt: skip
        self.config = directory / "server.toml"
        self.config.write_text(
            f'database_url = "sqlite:///{directory}/romana.db"\nlisten = "{SERVER}"\n'
            f'tls_cert = "{certificate}"\ntls_key = "{key}"\n'
        )
        self.config.chmod(0o600)
        self._environment = os.environ | {"PYTHONPATH": str(SOURCES)}
        url = URL.create("sqlite", database=f"{directory}/romana.db")
        before(url)
        self._make_store(url)
        # A thread has a namespace of its own.
        self._threads = ThreadPoolExecutor(ASKING, initializer=self.enter)
        self.start()
        self.ask(self._populate)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        arguments, log = ("--config", str(self.config)), self.lab.directory / "server.log"
        if self._program is None:
            self.process = forked_server(arguments, self._environment, log, self.namespace.name)
        else:
            command = self.namespace.command(sys.executable, *self._program, *arguments)
            with log.open("ab") as file:
                self.process = subprocess.Popen(command, env=self._environment, stdout=file, stderr=file)
        until(self._answers, "romana-server answers")

    def kill(self) -> None:
        """Kill -9."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(SECONDS)
            self.process = None

    def ask(self, question: Callable[[Client], T], timeout: float = 60) -> T:
        """Do something with the server as an administrator, within that many seconds."""
        return self._threads.submit(lambda: question(self._client())).result(timeout)

    def guest(self, node: int, segment: str) -> Guest:
        """An endpoint that the server knows, and the guest behind it, not plugged in yet."""
        guest = self.lab.guest(node, 1, 1, plug=False)
        wanted = EndpointCreate(
            host=guest.node.name, tenant="admin", segment=segment, mac=guest.mac, interface=guest.interface
        )
        endpoint = self.ask(lambda client: client.create_endpoint(wanted, key=guest.id))
        guest.id, guest.address = endpoint.id, str(endpoint.address)
        return guest

    def endpoint(self, guest: Guest) -> Endpoint:
        """What the server says of a guest."""
        return self.ask(lambda client: client.endpoint(guest.id))

    def settle(self) -> None:
        """Wait until all hosts have applied what the server says of them, without errors."""
        until(lambda: all(self._is_applied(node) for node in self.lab.nodes), "all is applied")

    def close(self) -> None:
        """End it."""
        self.kill()
        self._threads.shutdown()
        self.namespace.close()

    def enter(self) -> None:
        """Move this thread into the network of the server."""
        with Path(f"/var/run/netns/{self.namespace.name}").open() as file:
            if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), 0):
                raise OSError(ctypes.get_errno(), "setns")

    def _client(self) -> Client:
        return Client(self.lab.url, self.lab.directory / "ca.pem", ADMIN)

    def _is_applied(self, node: Node) -> bool:
        host = self.ask(lambda client: client.host(node.name))
        return host.applied == host.generation and not host.errors

    def _answers(self) -> bool:
        try:
            self.ask(lambda client: client.plan())
        except ClientError:
            return False
        return True

    def _populate(self, client: Client) -> None:
        for node in self.lab.nodes:
            client.create_host(HostCreate.model_validate({"name": node.name, "address": node.address}))
        client.create_tenant(TenantCreate(name="admin"))
        for name in ("s1", "s2"):
            client.create_segment("admin", SegmentCreate(name=name))

    def _tokens(self) -> list[dict[str, object]]:
        agents = [(node.name, f"agent:{node.name}", node.token) for node in self.lab.nodes]
        return [
            {"name": name, "role": role, "token": token, "expires_at": None}
            for name, role, token in [("admin", "admin", ADMIN), *agents]
        ]

    def _make_store(self, url: URL) -> None:
        """What romana-manage does, without starting it twice."""
        migrate.init(url, Plan())
        database = Database(url)
        ensure_tokens(database, WantedTokens.model_validate({"tokens": self._tokens()}), only_say=False)
        database.close()
