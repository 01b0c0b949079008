"""What a verification says of a cloud that does not let it in."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from romana_install.verify import cloud
from romana_install.verify.cloud import Cloud, CloudError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Keystone(BaseHTTPRequestHandler):
    """Knows nobody; answers as Keystone does then."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"error": {"code": 401, "message": "The request you have made requires authentication."}})
        self.send_response(401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Quiet."""


SLOWEST = 60.0  # seconds; a request for instances takes half of it where processors are emulated


@pytest.fixture
def keystone() -> Iterator[str]:
    """The URL of one."""
    with HTTPServer(("127.0.0.1", 0), Keystone) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v3"
        server.shutdown()
        thread.join()


def test_changed_password_is_told_with_what_to_do(keystone: str) -> None:
    with pytest.raises(CloudError) as refusal:
        Cloud(keystone, "admin", "as it was", "admin")
    assert "Keystone refuses the password of admin that this stack keeps" in str(refusal.value)
    assert str(refusal.value).endswith("install -e '{openstack_passwords: {admin: NEW}}'")


def test_an_emulated_processor_has_time_to_answer() -> None:
    assert cloud.PATIENCE >= SLOWEST
