"""The two requests an agent makes, over one kept connection each. Light on purpose: standard library only."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from pathlib import Path
from urllib.parse import quote, urlsplit

from pydantic import ValidationError

from romana.agent.config import AgentSettings
from romana.distrust import why_refused
from romana.models import Applied, HostState

CONNECT_TIMEOUT = 5.0  # seconds
ANSWER_TIMEOUT = 15.0  # seconds beyond the time the server was asked to wait


class ServerError(Exception):
    """No usable answer; the text is one line. `refused`: the server answered, and will say the same again."""

    def __init__(self, message: str, *, refused: bool = False) -> None:
        super().__init__(message)
        self.refused = refused


class Server:
    """romana-server, as one agent may use it. Not to be shared between threads."""

    def __init__(self, settings: AgentSettings) -> None:
        self._settings = settings
        self._path = f"/v1/hosts/{quote(settings.host, safe='')}"
        self._connection: http.client.HTTPConnection | None = None

    def state(self, after: int | None, wait: int) -> HostState | None:
        """The host's desired state; None: not newer than `after` within `wait` seconds. Raises ServerError."""
        query = "" if after is None else f"?after={after}&wait={wait}"
        status, body = self._request("GET", f"{self._path}/state{query}", None, wait + ANSWER_TIMEOUT)
        if status == http.HTTPStatus.NO_CONTENT:
            return None
        try:
            return HostState.model_validate_json(body)
        except ValidationError as error:
            finding = error.errors(include_url=False)[0]
            raise ServerError(
                f"the server's answer is not a state this version knows ({finding['loc']}: {finding['msg']});"
                " install the same release on controller and host",
                refused=True,
            ) from None

    def report(self, applied: Applied) -> None:
        """Say what is in place. Raises ServerError."""
        self._request("PUT", f"{self._path}/applied", applied.model_dump_json().encode(), ANSWER_TIMEOUT)

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _request(self, method: str, path: str, body: bytes | None, timeout: float) -> tuple[int, bytes]:
        try:
            status, content = self._exchange(method, path, body, timeout)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise ServerError(_why(error, self._settings.url)) from None
        if status >= http.HTTPStatus.BAD_REQUEST:
            self.close()
            raise ServerError(
                _refusal(status, content, self._settings), refused=status < http.HTTPStatus.INTERNAL_SERVER_ERROR
            )
        return status, content

    def _exchange(self, method: str, path: str, body: bytes | None, timeout: float) -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {self._token()}", "Content-Type": "application/json"}
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
            url = urlsplit(self._settings.url)
            host, port = url.hostname or "", url.port
            if url.scheme == "https":
                context = ssl.create_default_context(cafile=self._settings.ca_file)
                self._connection = http.client.HTTPSConnection(host, port, timeout=CONNECT_TIMEOUT, context=context)
            else:
                self._connection = http.client.HTTPConnection(host, port, timeout=CONNECT_TIMEOUT)
            self._connection.connect()
            _notice_death(self._connection.sock)
        return self._connection

    def _token(self) -> str:
        return Path(self._settings.token_file).read_text(encoding="utf-8").strip()


def _notice_death(connection: socket.socket) -> None:
    """A peer that vanished without a word is noticed within seconds, also while we only wait for it."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in ((socket.TCP_KEEPIDLE, 5), (socket.TCP_KEEPINTVL, 2), (socket.TCP_KEEPCNT, 3)):
        connection.setsockopt(socket.IPPROTO_TCP, option, value)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 11000)  # milliseconds


def _why(error: Exception, url: str) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{url} is refused: {why_refused(error)}"
    if isinstance(error, FileNotFoundError | PermissionError):
        return f"{error.filename or 'ca_file or token_file'} cannot be read ({error.strerror}); check agent.toml"
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or type(error).__name__
    return f"no answer from {url}: {reason}"


def _refusal(status: int, content: bytes, settings: AgentSettings) -> str:
    try:
        said = str(json.loads(content)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        said = content[:200].decode(errors="replace")
    advice = {
        401: f"; put a valid token into {settings.token_file}",
        403: f"; the token in {settings.token_file} must be one of role agent:{settings.host}",
        404: f"; add the host: romana host create {settings.host} ADDRESS, or correct host in agent.toml",
    }.get(status, "")
    return f"the server refuses ({status}): {said}{advice}"
