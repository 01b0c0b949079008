"""The program on each side of a conversation: see `talk`. It starts often, so it loads little."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import sys

PORT = 7000
PATIENCE = 2  # seconds until a silence is one


class _Answering(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        for _ in self.rfile:
            self.wfile.write(f"{self.client_address[0]}\n".encode())


def _serve() -> None:
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    with socketserver.ThreadingTCPServer(("", PORT), _Answering) as server:
        print("ready", flush=True)
        server.serve_forever()


def _talk(address: str, port: int) -> None:
    connection = None
    with contextlib.suppress(OSError):
        connection = socket.create_connection((address, port), PATIENCE)
    for line in sys.stdin:
        said = b""
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.sendall(line.encode())
                said = connection.recv(100)
        print(said.decode().strip(), flush=True)


if __name__ == "__main__":
    _serve() if sys.argv[1] == "serve" else _talk(sys.argv[2], int(sys.argv[3]))
