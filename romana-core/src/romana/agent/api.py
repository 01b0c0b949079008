"""The two requests an agent makes, over one kept connection each. Light on purpose: standard library only."""

from __future__ import annotations

import http.client
import socket
import ssl
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from pydantic import ValidationError

from romana import contract
from romana.agent.config import AgentSettings
from romana.agent.faults import Received, read
from romana.models import Applied, first_finding

CONNECT_TIMEOUT = 5.0  # seconds
ANSWER_TIMEOUT = 15.0  # seconds beyond the time the server was asked to wait


@dataclass(frozen=True)
class Seen:
    """Generations of the state and the members that an agent has; None: it has none that can be relied on."""

    state: int | None = None
    members: int | None = None

    @property
    def query(self) -> dict[str, int]:
        """As the request has them."""
        given = {"state_after": self.state, "members_after": self.members}
        return {name: value for name, value in given.items() if value is not None}

    def after(self, changes: Received) -> Seen:
        """With what has come since."""
        return Seen(
            self.state if changes.state is None else changes.state.generation,
            self.members if changes.members is None else changes.members.generation,
        )


NOTHING = Seen()


class Server:
    """romana-server, as one agent may use it. Not to be shared between threads. Its methods raise ClientError."""

    def __init__(self, settings: AgentSettings) -> None:
        self._settings = settings
        host = settings.host
        missing = f"add the host: romana host create {host} ADDRESS, or correct host in agent.toml"
        self._caller = contract.Caller(
            settings.url, str(settings.token_file), f"agent:{host}", advice={contract.NOT_FOUND: missing}
        )
        self._connection: http.client.HTTPConnection | None = None

    def changes(self, seen: Seen, wait: int) -> Received | None:
        """What is newer than what was seen; None: nothing within `wait` seconds."""
        path = contract.path(contract.CHANGES, self._settings.host)
        path += "?" + urlencode(seen.query | {"wait": wait})
        status, content = self._request("GET", path, None, wait + ANSWER_TIMEOUT)
        if status == http.HTTPStatus.NO_CONTENT:
            return None
        try:
            return read(content)
        except ValidationError as error:
            raise self._caller.unknown(first_finding(error)) from None

    def report(self, applied: Applied) -> None:
        """Say what is in place."""
        path = contract.path(contract.APPLIED, self._settings.host)
        self._request("PUT", path, applied.model_dump_json().encode(), ANSWER_TIMEOUT)

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _request(self, method: str, path: str, body: bytes | None, timeout: float) -> tuple[int, bytes]:
        try:
            status, content = self._exchange(method, path, body, timeout)
            self._caller.check(status, content)
        except contract.ClientError:
            self.close()
            raise
        except (OSError, http.client.HTTPException) as error:
            connected = self._connection is not None and self._connection.sock is not None
            self.close()
            raise self._caller.no_answer(error, connected) from None
        return status, content

    def _exchange(self, method: str, path: str, body: bytes | None, timeout: float) -> tuple[int, bytes]:
        token = contract.read_token(self._settings.token_file)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        kept = self._connection is not None
        connection = self._connected()
        connection.sock.settimeout(timeout)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
        except (ConnectionError, ssl.SSLEOFError):
            if not kept:
                raise
            self.close()  # the server has closed what was idle for long; both requests may be made twice
            return self._exchange(method, path, body, timeout)
        return response.status, response.read()

    def _connected(self) -> http.client.HTTPConnection:
        if self._connection is None:
            self._caller.check_url()
            url = urlsplit(self._settings.url)
            host, port = url.hostname or "", url.port
            if url.scheme == "https":
                context = self._caller.trust(self._settings.ca_file)
                self._connection = http.client.HTTPSConnection(host, port, timeout=CONNECT_TIMEOUT, context=context)
            else:
                self._connection = http.client.HTTPConnection(host, port, timeout=CONNECT_TIMEOUT)
            self._connection.connect()
            _notice_death(self._connection.sock)
        return self._connection


def _notice_death(connection: socket.socket) -> None:
    """A peer that vanished without a word is noticed within seconds, also while we only wait for it."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in ((socket.TCP_KEEPIDLE, 5), (socket.TCP_KEEPINTVL, 2), (socket.TCP_KEEPCNT, 3)):
        connection.setsockopt(socket.IPPROTO_TCP, option, value)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 11000)  # milliseconds
