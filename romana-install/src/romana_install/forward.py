"""Ports of a server, brought here by ssh."""

from __future__ import annotations

import select
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from romana_install.stack import StackError

READY = b"ready"
PATIENCE = 30.0  # seconds for ssh to say that it is there


class ForwardError(StackError):
    """ssh did not bring the ports; the text says why, in its last words."""


@contextmanager
def forwarded(login: Sequence[str], address: str, ports: Sequence[int]) -> Iterator[dict[int, Path]]:
    """Unix sockets that lead to TCP ports of a server, by port, for as long as the context is open.

    Args:
        login: the command that logs in to the server.
        address: that of the server as it sees itself, where the ports are.
        ports: which.

    Raises:
        ForwardError: ssh does not get there.
    """
    program, *rest = login
    with tempfile.TemporaryDirectory(prefix="romana-") as directory, tempfile.TemporaryFile() as messages:
        sockets = {port: Path(directory, str(port)) for port in ports}
        forwards = [word for port, path in sockets.items() for word in ("-L", f"{path}:{address}:{port}")]
        # A connection of its own, whose end is the end of what it forwards. It says when it is there: ssh runs the
        # command only after it has made the sockets, and `cat` ends with us.
        options = ["-o", "ControlPath=none", "-o", "ExitOnForwardFailure=yes", *forwards]
        process = subprocess.Popen(
            [program, *options, *rest, f"echo {READY.decode()}; exec cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=messages,
            start_new_session=True,  # Ctrl-C is for us
        )
        try:
            _await(process, messages)
            yield sockets
        finally:
            process.communicate()


def _await(process: subprocess.Popen[bytes], messages: IO[bytes]) -> None:
    """Return when the sockets are there. Raises ForwardError."""
    assert process.stdout is not None
    said = select.select([process.stdout], [], [], PATIENCE)[0] and process.stdout.readline()
    if said and said.strip() == READY:
        return
    process.terminate()
    process.wait()
    messages.seek(0)
    lines = messages.read().decode(errors="replace").strip().splitlines()
    raise ForwardError(f"ssh does not lead to the controller: {lines[-1] if lines else 'no answer'}")
