"""What noVNC's page does with the URL that Nova gives for a console: it asks the proxy, and hears QEMU."""

from __future__ import annotations

import socket
from urllib.parse import parse_qs, urlsplit

FRAME = 2  # bytes before what a short WebSocket frame says (RFC 6455, 5.2)
GREETING = 12  # bytes: "RFB 003.008\n" (RFC 6143, 7.1.1)
PATIENCE = 20.0  # seconds for an answer


def greeting(url: str) -> str:
    """The first that a console says. Raises AssertionError when the proxy refuses, TimeoutError when it is silent."""
    parts = urlsplit(url)
    (path,) = parse_qs(parts.query)["path"]
    request = (
        f"GET /{path} HTTP/1.1\r\nHost: {parts.netloc}\r\nOrigin: http://{parts.netloc}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Protocol: binary\r\n\r\n"
    )
    with socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE) as connection:
        connection.sendall(request.encode())
        with connection.makefile("rb") as answer:
            status = answer.readline().decode()
            assert " 101 " in status, status
            while answer.readline().strip():
                pass
            return answer.read(FRAME + GREETING)[FRAME:].decode()
