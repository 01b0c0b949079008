"""Endpoints with something behind them, on the nodes of an installed stack, and traffic between them."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from romana_setup import Setup
from waiting import eventually

from romana.client import Client
from romana.contract import Unreachable
from romana.models import Endpoint, EndpointCreate, EndpointStatus
from romana_install.targets import stacks
from romana_install.verify.session import Session


class Lab:
    """Endpoints made through the API like any other, each with a probe behind its tap."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.stack = stacks.read(setup.directory)
        self._opened = ExitStack()
        self.client: Client = self._opened.enter_context(self.stack.client())
        self.sessions: dict[str, Session] = {}
        self.endpoints: list[Endpoint] = []

    def endpoint(self, host: str, tenant: str = "admin", segment: str = "s1") -> Endpoint:
        """A new endpoint that has its address by DHCP and is reported active."""
        mark = secrets.token_hex(5)
        mac = f"02:00:{mark[0:2]}:{mark[2:4]}:{mark[4:6]}:{mark[6:8]}"
        wanted = EndpointCreate(host=host, tenant=tenant, segment=segment, mac=mac, interface=f"tap{mark}")
        made = eventually(lambda: self._create(wanted, mark), "the server answers")
        self.endpoints.append(made)
        session = self.session(host)
        session.send("attach", probe=made.id, interface=made.interface, mac=made.mac).result(120)
        lease = session.send("lease", probe=made.id, timeout=120).result(150)
        assert lease["address"] == str(made.address)
        eventually(lambda: self._status(made) == EndpointStatus.ACTIVE, "the endpoint is active")
        return made

    def _create(self, wanted: EndpointCreate, key: str) -> Endpoint | None:
        """The endpoint, or None while the server cannot be reached; asking again with the key is safe."""
        try:
            return self.client.create_endpoint(wanted, key=key)
        except Unreachable:
            return None

    def _status(self, endpoint: Endpoint) -> EndpointStatus | None:
        try:
            return self.client.endpoint(endpoint.id).status
        except Unreachable:
            return None

    def session(self, host: str) -> Session:
        """The conversation with the probes of a node."""
        if host not in self.sessions:
            command = [*self.setup.inside, *self.stack.ssh_command(host, "/opt/romana/current/bin/romana-probe")]
            self.sessions[host] = Session(host, command)
        return self.sessions[host]

    def ping(self, source: Endpoint, target: Endpoint, count: int = 1) -> list[str]:
        """The outcome of each echo request, one after the other."""
        request = self.session(source.host).send(
            "ping", probe=source.id, to=str(target.address), count=count, timeout=10
        )
        return [result["outcome"] for result in request.result(10 * count + 30)]

    @contextmanager
    def traffic(self, source: Endpoint, target: Endpoint) -> Iterator[list[str]]:
        """Echo requests without pause during the block; afterwards the list holds the outcome of each."""
        outcomes: list[str] = []
        ending = threading.Event()

        def send() -> None:
            while not ending.is_set():
                outcomes.extend(self.ping(source, target, 20))

        thread = threading.Thread(target=send)
        thread.start()
        try:
            eventually(lambda: len(outcomes) >= 20, "traffic flows")
            yield outcomes
            before = len(outcomes)
            eventually(lambda: len(outcomes) >= before + 40, "traffic flows")
        finally:
            ending.set()
            thread.join()

    def close(self) -> None:
        """Remove the endpoints and what is behind them."""
        for session in self.sessions.values():
            session.close()
        with self.stack.client() as client:  # its token may have been rotated
            for endpoint in self.endpoints:
                client.delete_endpoint(endpoint.id)
        self._opened.close()


@contextmanager
def lab(setup: Setup) -> Iterator[Lab]:
    """A lab that leaves nothing behind."""
    made = Lab(setup)
    try:
        yield made
    finally:
        made.close()
