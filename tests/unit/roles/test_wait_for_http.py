"""Who waits for a service leaves the processor to it, and is not behind it for long."""

from __future__ import annotations

import os
import runpy
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

PROGRAM = Path(__file__).parents[3] / "roles" / "openstack_service" / "files" / "wait-for-http"


class Refusing(BaseHTTPRequestHandler):
    """A service that is up, and wants a token."""

    def do_GET(self) -> None:
        """Refuse."""
        self.send_error(401)


def waits(url: str, process: int) -> int:
    """The exit code of the program. process: whose service it waits for."""
    command = [sys.executable, PROGRAM, url]
    return subprocess.run(command, env={**os.environ, "MAINPID": str(process)}, check=False).returncode


def test_service_that_refuses_is_up() -> None:
    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert waits(f"http://127.0.0.1:{server.server_port}/", os.getpid()) == 0
        server.shutdown()


def test_it_ends_with_the_process_of_the_service() -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    with socket.socket() as taken:  # bound, and nobody listens: no other program gets the port meanwhile
        taken.bind(("127.0.0.1", 0))
        assert waits(f"http://127.0.0.1:{taken.getsockname()[1]}/", ended.pid) == 1


def test_service_that_takes_long_is_looked_at_seldom() -> None:
    pause = runpy.run_path(str(PROGRAM))["pause"]
    assert pause(0.0) == pause(4.0) == 0.2
    assert pause(300.0) == 15.0
