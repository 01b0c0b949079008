"""What the API modules say when the server can't be reached, isn't romana-server or refuses: one sentence each."""

from __future__ import annotations

import secrets
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import run_module

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .conftest import Server

STATE_MODULES: dict[str, dict[str, Any]] = {
    "host": {"name": "compute01", "address": "192.168.99.11"},
    "tenant": {"name": "demo"},
    "segment": {"tenant": "demo", "name": "s1"},
    "policy": {"name": "p", "source": {"tenant": "demo"}, "target": {"tenant": "demo"}},
}
INFO_MODULES = ["host_info", "tenant_info", "policy_info", "endpoint_info"]
MODULES = [*STATE_MODULES, *INFO_MODULES]


TOKEN = secrets.token_urlsafe(16)


class OtherServer(BaseHTTPRequestHandler):
    """A web server that isn't romana-server; it answers the status that stands in the path."""

    def do_GET(self) -> None:
        """Answer HTML."""
        self.send_response(int(self.path.split("/")[1]))
        self.send_header("Location", "/elsewhere")
        self.end_headers()
        self.wfile.write(b"<html>")

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def other_server() -> Iterator[str]:
    """Its URL."""
    with HTTPServer(("127.0.0.1", 0), OtherServer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("name", MODULES)
def test_unreachable_server_is_one_sentence(collections: Path, name: str, check: bool) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        arguments = {"api_url": url, "api_token": TOKEN, **STATE_MODULES.get(name, {})}
        result = run_module(collections, name, check, arguments)
    assert result["msg"].startswith("cannot ")
    assert result["msg"].endswith(
        f": no answer from romana-server at {url}: connection refused; is romana-server running there"
        " (systemctl status romana-server)?"
    )


def test_server_that_says_nothing_is_not_waited_for_forever(collections: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        result = run_module(collections, "host_info", False, {"api_url": url, "api_token": TOKEN, "api_timeout": 1})
    assert result["msg"].startswith(f"cannot list the hosts: no answer from romana-server at {url}: it accepted the")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "missing required arguments: api_token, api_url"),
        ({"api_url": "http://127.0.0.1:1"}, "missing required arguments: api_token"),
        (
            {"api_url": "controller:9600", "api_token": TOKEN},
            "api_url 'controller:9600' is not valid; write it like https://192.168.99.10:9600 (http only on this"
            " machine: the token would travel in clear)",
        ),
        (
            {"api_url": "http://192.0.2.1:9600", "api_token": TOKEN},
            "api_url 'http://192.0.2.1:9600' is not valid; write it like https://192.168.99.10:9600 (http only on this"
            " machine: the token would travel in clear)",
        ),
        (
            {"api_url": "http://127.0.0.1:1", "api_token": "two\nlines"},
            "the token is empty or has characters a token never has; write it again from its source",
        ),
        (
            {"api_url": "https://127.0.0.1:1", "api_token": TOKEN, "api_ca_path": "/nowhere/ca.pem"},
            "api_ca_path /nowhere/ca.pem cannot be read (No such file or directory); copy the controller's"
            " /etc/romana/ca.pem",
        ),
    ],
)
def test_wrong_api_options_are_refused(collections: Path, arguments: dict[str, Any], message: str) -> None:
    assert run_module(collections, "host_info", False, arguments)["msg"] == message


@pytest.mark.parametrize(("status", "wrong"), [(200, "HTTP 200, and no JSON"), (301, "HTTP 301"), (502, "HTTP 502")])
def test_another_server_is_told_apart(collections: Path, other_server: str, status: int, wrong: str) -> None:
    url = f"{other_server}/{status}"
    result = run_module(collections, "host_info", False, {"api_url": url, "api_token": TOKEN})
    assert result["msg"] == (
        f"cannot list the hosts: what answers at {url} is not romana-server, or not of this version ({wrong}); correct"
        " api_url, or install the same version on both sides"
    )


@pytest.mark.parametrize("name", STATE_MODULES)
def test_what_another_server_does_not_have_is_not_taken_for_absent(
    collections: Path, other_server: str, name: str
) -> None:
    api = {"api_url": f"{other_server}/404", "api_token": TOKEN}
    result = run_module(collections, name, False, {**api, **STATE_MODULES[name], "state": "absent"})
    assert "is not romana-server, or not of this version (HTTP 404)" in result["msg"]


@pytest.mark.parametrize("name", ["", "..", "demo/segments/s1"])
def test_name_that_would_lead_elsewhere_is_refused(server: Server, name: str) -> None:
    server.module("tenant", name="demo", segments=["s1"])
    result = server.module("tenant", name=name, state="absent")
    assert result["msg"] == f"'{name}' is not a name; give the name of what is meant"
    assert [one.name for one in server.client.segments("demo")] == ["s1"]


@pytest.mark.parametrize("name", MODULES)
def test_wrong_token_is_refused_in_the_servers_words(server: Server, name: str) -> None:
    result = server.module(name, api_token=TOKEN, **STATE_MODULES.get(name, {}))
    assert result["failed"]
    assert result["msg"].startswith("cannot ")
    assert result["msg"].endswith("; put a valid token into api_token")
    assert TOKEN not in result["msg"]


def test_token_that_only_reads_cannot_write(server: Server) -> None:
    reader = server.tokens["reader"]
    assert server.module("host_info", api_token=reader)["hosts"] == []
    for name in ("host", "tenant"):
        assert server.module(name, check=True, api_token=reader, **STATE_MODULES[name])["changed"]
        refused = server.module(name, api_token=reader, **STATE_MODULES[name])["msg"]
        assert refused.endswith("; put a token of the role admin into api_token")
    assert (server.client.hosts(), server.client.tenants()) == ([], [])


def test_certificate_of_an_unknown_authority_is_refused(server: Server) -> None:
    result = server.module("host_info", api_ca_path=None)
    assert result["msg"].startswith(
        f"cannot list the hosts: no answer from romana-server at {server.url}: its certificate"
    )
    assert result["msg"].endswith("; api_ca_path must be the controller's /etc/romana/ca.pem")
