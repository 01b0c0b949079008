"""This machine as somebody outside of a cloud: it logs in to instances by floating IPs, and is asked by them."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

OPTIONS = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "BatchMode=yes")
PATIENCE = 5  # seconds in which an instance answers


def logged_in(address: str, key: Path, command: str, port: int = 22) -> str | None:
    """What a command prints in the instance that is reached by an address and port; None when none lets us in."""
    options = [word for option in (*OPTIONS, f"ConnectTimeout={PATIENCE}", f"Port={port}") for word in ("-o", option)]
    done = subprocess.run(
        ["ssh", *options, "-i", str(key), f"root@{address}", command], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else None


class Mirror(BaseHTTPRequestHandler):
    """Tells whoever asks by which address they are seen."""

    def do_GET(self) -> None:
        """As the base class names it."""
        body = self.client_address[0].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: the test says what it saw."""


@contextmanager
def mirror(address: str) -> Iterator[str]:
    """The URL of a page that says by which address it is asked. address: this machine's."""
    with ThreadingHTTPServer((address, 0), Mirror) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://{address}:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()
