"""Runs the app in this process, with TLS, ending cleanly."""

from __future__ import annotations

import errno
import gc
import signal
import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from romana.server.certificate import Certificate
from romana.server.failure import ServingError
from romana.server.settings import ServerSettings

BACKLOG = 2048
KEEP_ALIVE = 75  # seconds: longer than a long poll, so agents keep their connection
GRACE_SECONDS = 5  # for requests that run when the server is told to end


class _Server(uvicorn.Server):
    """Says when it serves, and lets long polls go when it ends."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._app = app
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.state.watchers.stop()
        # Who keeps a connection for later reads nothing from it meanwhile, and would not say that it ends, as TLS asks.
        for connection in self.server_state.connections.copy():
            if isinstance(connection, H11Protocol) and _is_idle(connection):
                connection.transport.abort()
        await super().shutdown(sockets)


def _is_idle(connection: H11Protocol) -> bool:
    return connection.cycle is None or connection.cycle.response_complete


def bind(settings: ServerSettings) -> socket.socket:
    """The listening socket. Raises ServingError."""
    # With the protocol named: else asyncio leaves Nagle's algorithm on, and each answer waits 40 ms for a late ACK.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((str(settings.listen), settings.port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        where = f"{settings.listen} port {settings.port}"
        raise ServingError(f"cannot listen on {where}: {_why_not(error, settings)}") from None
    listener.set_inheritable(True)
    return listener


def serve(
    make_app: Callable[[], FastAPI], listener: socket.socket, certificate: Certificate | None, ready: Callable[[], None]
) -> None:
    """Serve in this process until SIGTERM or SIGINT; `ready` is called once requests are answered."""
    app = make_app()
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        http=H11Protocol,
        ws="none",
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=GRACE_SECONDS,
        backlog=BACKLOG,
        ssl_context_factory=None if certificate is None else lambda _config, _default: certificate.context,
    )
    server = _Server(config, app, ready)
    # Already now: a signal that comes while the server starts ends it, too. And uvicorn, which puts back these
    # handlers and raises the signal again when all is done, then ends normally.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.handle_exit)
    # What exists now stays: the collector need not look at it again and again while requests wait.
    gc.collect()
    gc.freeze()
    server.run([listener])


def _why_not(error: OSError, settings: ServerSettings) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"the port is taken; see who has it with `ss -ltnp 'sport = :{settings.port}'`, or set another port"
    if error.errno == errno.EADDRNOTAVAIL:
        return "this machine does not have that address; set listen to one that `ip address` shows"
    return f"{error.strerror}; set another port or listen"
