"""Why there is no answer, said by the client against sockets that really behave so."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from romana import client as client_module
from romana.agent.api import NOTHING, Server
from romana.agent.config import AgentSettings
from romana.client import Client
from romana.contract import AnswerError, ApiError, ClientError, ConfigError, Unreachable
from romana.models import Applied

from .certificates import DAY, Authority

TOKEN = "any-token"  # noqa: S105 - of no use elsewhere


class Answers(BaseHTTPRequestHandler):
    """Answers every request as its server was told."""

    protocol_version = "HTTP/1.1"
    server: OddServer

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def do_GET(self) -> None:
        self.server.connections.add(self.client_address)
        self.send_response(self.server.status)
        self.send_header("Content-Type", self.server.content_type)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
        """Nothing: the test's output is what counts."""


class OddServer(ThreadingHTTPServer):
    """An HTTP server, with TLS or without, that is not romana-server."""

    def __init__(self, tls: tuple[Path, Path] | None, status: int, content_type: str, body: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.status, self.content_type, self.body = status, content_type, body
        self.connections: set[object] = set()
        if tls:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(*tls)
            self.socket = context.wrap_socket(self.socket, server_side=True)

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that do not trust us go away in the middle: expected here."""


Serve = Callable[..., OddServer]


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as stack:

        def start(
            tls: tuple[Path, Path] | None = None,
            status: int = 200,
            content_type: str = "text/html",
            body: bytes = b"<html>",
        ) -> OddServer:
            server = OddServer(tls, status, content_type, body)
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            return server

        yield start


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "own")


def reason(client: Client) -> str:
    with client, pytest.raises(Unreachable) as caught:
        client.hosts()
    assert client.url in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_nothing_listens() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        assert "refused; is romana-server running" in reason(
            Client(f"http://127.0.0.1:{bound.getsockname()[1]}", None, TOKEN)
        )


def test_packets_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "CONNECT_TIMEOUT", 0.2)
    with ExitStack() as stack:
        full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(2):  # the kernel takes backlog + 1 and drops the SYN of whoever comes then
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        assert "connecting timed out" in reason(Client(f"http://127.0.0.1:{full.getsockname()[1]}", None, TOKEN))


def test_server_takes_the_request_and_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "READ_TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert "then timed out" in reason(Client(f"http://127.0.0.1:{silent.getsockname()[1]}", None, TOKEN))


def test_name_is_unknown(authority: Authority) -> None:
    assert "https://no-such-host.invalid:9600: its name is not known" in reason(
        Client("https://no-such-host.invalid:9600", authority.ca_file, TOKEN)
    )


def agents(url: str, ca_file: Path, directory: Path, token: str = TOKEN) -> Server:
    """What the agent of host `a` asks by."""
    token_file = directory / "agent.token"
    token_file.write_text(token)
    return Server(AgentSettings(url=url, ca_file=ca_file, host="a", token_file=token_file))


def asked_by_the_client(server: OddServer, ca_file: Path, _: Path) -> ClientError:
    client = Client(f"https://127.0.0.1:{server.server_port}", ca_file, TOKEN)
    with client, pytest.raises(ClientError) as caught:
        client.hosts()
    return caught.value


def asked_by_the_agent(server: OddServer, ca_file: Path, directory: Path) -> ClientError:
    with pytest.raises(ClientError) as caught:
        agents(f"https://127.0.0.1:{server.server_port}", ca_file, directory).changes(NOTHING, 0)
    return caught.value


Ask = Callable[[OddServer, Path, Path], ClientError]
ASKED = pytest.mark.parametrize("ask", [asked_by_the_client, asked_by_the_agent])


@ASKED
def test_certificate_of_another_authority(authority: Authority, tmp_path: Path, serve: Serve, ask: Ask) -> None:
    server = serve(tls=Authority(tmp_path / "other").issue("127.0.0.1"))
    said = str(ask(server, authority.ca_file, tmp_path))
    assert "not trusted" in said
    assert "ca_file must be" in said


@ASKED
def test_certificate_of_another_host(authority: Authority, tmp_path: Path, serve: Serve, ask: Ask) -> None:
    server = serve(tls=authority.issue("192.168.99.10"))
    said = str(ask(server, authority.ca_file, tmp_path))
    assert "not for this address" in said
    assert "in url" in said


@pytest.mark.parametrize(
    ("begins", "ends", "said", "fix"),
    [
        (-10, -1, "has expired", "./romana-setup install"),
        (1, 10, "is not valid yet", "clock"),
    ],
)
@ASKED
def test_certificate_of_another_time(
    authority: Authority, tmp_path: Path, serve: Serve, ask: Ask, begins: int, ends: int, said: str, fix: str
) -> None:
    server = serve(tls=authority.issue("127.0.0.1", begins=begins * DAY, ends=ends * DAY))
    reason = str(ask(server, authority.ca_file, tmp_path))
    assert said in reason
    assert fix in reason
    assert "ca_file" not in reason


def test_https_to_a_port_without_tls(authority: Authority, serve: Serve) -> None:
    server = serve()
    assert "does not speak TLS" in reason(Client(f"https://127.0.0.1:{server.server_port}", authority.ca_file, TOKEN))


def test_http_to_a_port_with_tls(authority: Authority, serve: Serve) -> None:
    server = serve(tls=authority.issue("127.0.0.1"))
    assert "closed without an answer" in reason(Client(f"http://127.0.0.1:{server.server_port}", None, TOKEN))


@pytest.mark.parametrize(
    ("status", "body", "wrong"),
    [
        (200, b"<html>welcome", "the answer: "),
        (200, b'{"address": "192.0.2.1"}', ""),
        (302, b"", "HTTP 302"),
        (502, b"<html>bad\ngateway", "HTTP 502"),
        (404, b'{"detail": "Not Found"}', "HTTP 404"),
        (404, b'{"error": {"code": ["not_found"], "message": "none"}}', "HTTP 404"),
    ],
)
@ASKED
def test_answer_of_another_server(
    authority: Authority, tmp_path: Path, serve: Serve, ask: Ask, status: int, body: bytes, wrong: str
) -> None:
    server = serve(authority.issue("127.0.0.1"), status, "text/html", body)
    error = ask(server, authority.ca_file, tmp_path)
    assert isinstance(error, AnswerError)
    url = f"https://127.0.0.1:{server.server_port}"
    assert str(error).startswith(f"what answers at {url} is not romana-server, or not of this version ({wrong}")
    assert str(error).endswith("; correct url, or install the same version on both sides")


def test_report_that_is_sent_elsewhere_is_not_taken(authority: Authority, tmp_path: Path, serve: Serve) -> None:
    server = serve(authority.issue("127.0.0.1"), 302, "text/html", b"")
    agent = agents(f"https://127.0.0.1:{server.server_port}", authority.ca_file, tmp_path)
    with pytest.raises(AnswerError, match="HTTP 302"):
        agent.report(Applied(generation=1))


@pytest.mark.parametrize("code", ["unauthenticated", "forbidden", "unavailable", "internal", "of_a_later_version"])
@ASKED
def test_refusal(authority: Authority, tmp_path: Path, serve: Serve, ask: Ask, code: str) -> None:
    body = json.dumps({"error": {"code": code, "message": "it is so", "details": {"a": 1}}}).encode()
    error = ask(serve(authority.issue("127.0.0.1"), 400, "application/json", body), authority.ca_file, tmp_path)
    agent = ask is asked_by_the_agent
    token = f"{tmp_path}/agent.token" if agent else "token_file (--token-file)"
    advice = {
        "unauthenticated": f"; put a valid token into {token}",
        "forbidden": f"; put a token of the role {'agent:a' if agent else 'admin'} into {token}",
        "unavailable": "; see journalctl -u romana-server on the controller",
    }
    assert isinstance(error, ApiError)
    assert str(error) == "it is so" + advice.get(code, "")
    assert (error.code, error.details) == (code, {"a": 1})
    assert error.lasting == (code not in ("unavailable", "internal"))


@pytest.mark.parametrize("token", ["", "two\nlines", "gr\u00fcn"])
def test_agents_token_is_refused(authority: Authority, tmp_path: Path, serve: Serve, token: str) -> None:
    server = serve(authority.issue("127.0.0.1"), 200, "application/json", b"{}")
    with pytest.raises(ConfigError, match="the token is empty or has characters"):
        agents(f"https://127.0.0.1:{server.server_port}", authority.ca_file, tmp_path, token).changes(NOTHING, 0)
    assert not server.connections


def test_agents_token_does_not_travel_in_clear(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the token would travel in clear"):
        agents("http://192.0.2.1:9600", tmp_path, tmp_path).changes(NOTHING, 0)


def test_connection_is_kept(authority: Authority, serve: Serve) -> None:
    server = serve(authority.issue("127.0.0.1"), 200, "application/json", b"[]")
    with Client(f"https://127.0.0.1:{server.server_port}", authority.ca_file, TOKEN) as client:
        for _ in range(3):
            assert client.hosts() == []
    assert len(server.connections) == 1


def test_proxy_of_the_environment_is_not_asked(
    authority: Authority, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(authority.issue("127.0.0.1"), 200, "application/json", b"[]")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    with Client(f"https://127.0.0.1:{server.server_port}", authority.ca_file, TOKEN) as client:
        assert client.hosts() == []


@pytest.mark.parametrize(
    "url", ["", "controller:9600", "ftp://controller", "https://", "https://a:port", "https://[::1"]
)
def test_url_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="write it like https://"):
        Client(url, None, TOKEN)


def test_token_does_not_travel_in_clear() -> None:
    with pytest.raises(ConfigError, match="the token would travel in clear"):
        Client("http://192.168.99.10:9600", None, TOKEN)


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "gr\u00fcn"])
def test_token_is_refused(token: str) -> None:
    with pytest.raises(ConfigError, match="token"):
        Client("https://127.0.0.1", None, token)


@pytest.mark.parametrize(("content", "said"), [(None, "cannot be read"), ("no certificate", "no PEM certificate")])
def test_ca_file_is_refused(tmp_path: Path, content: str | None, said: str) -> None:
    ca_file = tmp_path / "ca.pem"
    if content is not None:
        ca_file.write_text(content)
    with pytest.raises(ConfigError, match=said):
        Client("https://127.0.0.1", ca_file, TOKEN)
