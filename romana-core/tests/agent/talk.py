"""Conversations over TCP that say who is seen on the other side, and that can be held open.

All of them are this process's: to start one for each of them would take longer than most conversations.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from agent_lab import Namespace
from inside import inside

PORT = 7000  # where a Speaker listens
PATIENCE = 2  # seconds until a silence is one
AT_ONCE = 32  # conversations that are waited for


class Speaker:
    """Answers every line with the address that it comes from."""

    def __init__(self, namespace: Namespace) -> None:
        with inside(namespace.name):
            self._listener = socket.create_server(("", PORT))
        self._connections: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):  # it is closed
            while True:
                connection, (address, _) = self._listener.accept()
                self._connections.append(connection)
                threading.Thread(target=_answer, args=(connection, address), daemon=True).start()

    def close(self) -> None:
        """End it, and all conversations with it."""
        for one in (self._listener, *self._connections):
            with suppress(OSError):  # who has been told so waits no more; to close it alone would not tell
                one.shutdown(socket.SHUT_RDWR)
            one.close()


class Talk:
    """A conversation with a Speaker, begun by somebody. `seen`: as whom; empty when there is no answer."""

    def __init__(self, namespace: Namespace, address: str, port: int = PORT) -> None:
        self._connection: socket.socket | None = None
        with inside(namespace.name), suppress(OSError):
            self._connection = socket.create_connection((address, port), PATIENCE)
        self.seen = self.ask()

    def ask(self) -> str:
        """The answer to one more line; empty when there is none."""
        if self._connection is None:
            return ""
        try:
            self._connection.sendall(b"?\n")
            return self._connection.recv(100).decode().strip()
        except OSError:
            return ""

    def close(self) -> None:
        """End it."""
        if self._connection is not None:
            self._connection.close()


def seen(namespace: Namespace, address: str, port: int = PORT) -> str:
    """As whom a Speaker at an address sees who is in a namespace; empty when there is no answer."""
    talk = Talk(namespace, address, port)
    talk.close()
    return talk.seen


def all_asked(talks: Iterable[Talk]) -> list[str]:
    """The answer to one more line of each, asked at once: silences are waited for together."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(Talk.ask, talks))


def all_seen(those: Iterable[tuple[Namespace, str, int]]) -> list[str]:
    """As whom Speakers see those who ask them from a namespace by an address and a port, all at once."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda one: seen(*one), those))


def _answer(connection: socket.socket, address: str) -> None:
    with suppress(OSError), connection.makefile("rb") as lines:
        for _ in lines:
            connection.sendall(f"{address}\n".encode())
