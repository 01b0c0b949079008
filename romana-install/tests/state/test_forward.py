"""Connections to a server's ports that ssh brings here, with a program in ssh's place that echoes what it is sent."""

from __future__ import annotations

import socket
import socketserver
import subprocess
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from romana_install.state.forward import forwarded
from romana_install.state.stack import Node, Reach, Stack
from romana_install.targets.static.target import Static

NODE = Node("one", "192.0.2.1", 0, True, True)
STACK = Stack("t", Path("/nowhere"), (NODE,), Static({"one": Reach("192.0.2.1", "root")}))


@pytest.fixture(autouse=True)
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "ssh"
    program.write_text("#!/bin/sh\nexec cat\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")


def test_many_may_connect_at_one_moment() -> None:
    with forwarded(STACK, NODE, [9600]) as sockets, ExitStack() as ours:
        many = [ours.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(40)]
        for one in many:
            one.settimeout(30)  # as clients have one: without it, connecting would wait
            one.connect(str(sockets[9600]))
        for number, one in enumerate(many):
            one.sendall(b"%d" % number)
            assert one.recv(10) == b"%d" % number


def test_who_connects_at_the_very_end_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, over = threading.Event(), threading.Event()
    start, shutdown = subprocess.Popen, socketserver.BaseServer.shutdown

    def start_late(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        begun.set()
        over.wait(30)
        return start(*arguments, **options)

    def end(server: socketserver.BaseServer) -> None:
        shutdown(server)
        over.set()

    with socket.socket(socket.AF_UNIX) as one, forwarded(STACK, NODE, [9600]) as sockets:
        monkeypatch.setattr(subprocess, "Popen", start_late)
        monkeypatch.setattr(socketserver.BaseServer, "shutdown", end)
        one.connect(str(sockets[9600]))
        assert begun.wait(30)
