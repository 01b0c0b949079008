"""Ports of a server, brought here by ssh."""

from __future__ import annotations

import socketserver
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from romana_install.state import login
from romana_install.state.stack import Node, Stack, StackError

PATIENCE = 30.0  # seconds for ssh to get there
CLOSED = "open failed: connect failed"  # sshd's word for a port on which nobody listens; it has forwarded, then
BACKLOG = 128  # how many connections may wait to be joined: one more is refused at once, as Unix sockets are


class ForwardError(StackError):
    """ssh does not bring the ports; the text is why, and what to do."""


@contextmanager
def forwarded(stack: Stack, node: Node, ports: Sequence[int]) -> Iterator[dict[int, Path]]:
    """Unix sockets that lead to TCP ports of a node at its own address, by port, as long as the context is open.

    Each connection is one ssh that is joined to it: no shell there has a part in it, and neither has what the user's
    configuration forwards.

    Raises:
        ForwardError: ssh does not get there, or does not forward.
    """
    if refused := refusal(stack, node, ports[0]):
        raise ForwardError(f"ssh does not lead to {node.name}: {refused}")
    with tempfile.TemporaryDirectory(prefix="romana-") as directory, ExitStack() as servers:
        sockets = {port: Path(directory, str(port)) for port in ports}
        for port, path in sockets.items():
            servers.enter_context(_serving(path, _command(stack, node, port)))
        yield sockets


def refusal(stack: Stack, node: Node, port: int) -> str:
    """Why ssh does not forward to a node's port, and what to do; empty when it does, whoever listens there."""
    with tempfile.TemporaryFile() as messages:  # not a pipe: ssh's master keeps it open
        # A connection of its own, which says more.
        command = _command(stack, node, port, "-o", "LogLevel=INFO", "-S", "none")
        try:
            done = _run(command, messages)
        except subprocess.TimeoutExpired:
            return f"no answer within {PATIENCE:g} s"
        except FileNotFoundError:
            return login.NOT_INSTALLED
        said = login.read(messages)
    return "" if done.returncode == 0 or CLOSED in said else stack.target.silence(stack, node, said)


def _command(stack: Stack, node: Node, port: int, *options: str) -> list[str]:
    program, *rest = stack.login_command(node.name)
    return [program, *options, "-W", f"{node.address}:{port}", *rest]


def _run(command: Sequence[str], messages: IO[bytes]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=messages,
        timeout=PATIENCE,
        check=False,
        start_new_session=True,  # Ctrl-C is for us
    )


@contextmanager
def _serving(path: Path, command: Sequence[str]) -> Iterator[None]:
    """Join each connection to a socket to a run of the command, until the context ends, and these with it."""
    running: set[subprocess.Popen[bytes]] = set()
    is_over = False
    lock = threading.Lock()  # what is started is known, or it is not started: who ends them all waits for each

    class Joined(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with lock:
                if is_over:
                    return
                process = subprocess.Popen(
                    command,
                    stdin=self.request,
                    stdout=self.request,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,  # Ctrl-C is for us
                )
                running.add(process)
            process.wait()

    class Server(socketserver.ThreadingUnixStreamServer):
        request_queue_size = BACKLOG

    with Server(str(path), Joined) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
            with lock:
                is_over = True
            for process in running:
                process.terminate()
