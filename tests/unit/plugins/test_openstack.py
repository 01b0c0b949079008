"""How modules reach OpenStack's services."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from plugins.module_utils.openstack import Cloud

USER = {"username": "admin", "password": "secret", "project_name": "admin"}
DOMAINS = {"user_domain_name": "Default", "project_domain_name": "Default"}


class Keystone(BaseHTTPRequestHandler):
    """Lets everybody in who asks for it directly."""

    def do_POST(self) -> None:
        """Give out a token; who asks a proxy names the host in the path."""
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"token": {"project": {"id": "the project"}, "catalog": []}}).encode()
        self.send_response(201 if self.path == "/v3/auth/tokens" else 502)
        self.send_header("X-Subject-Token", "a token")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def keystone() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Keystone)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v3"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_proxy_in_the_nodes_environment_is_not_asked(keystone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert Cloud({"auth_url": keystone, **USER, **DOMAINS}).project_id == "the project"
