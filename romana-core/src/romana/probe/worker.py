"""One probe: the process that lives in its namespace, carries its frames and answers its commands.

A worker without a tap stays in the node's own namespace: it is how the node itself pings and tells its facts.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

from romana.parent import end_with
from romana.probe import reach, wire
from romana.probe.facts import FactsError, gather
from romana.probe.lease import LeaseError, acquire
from romana.probe.listen import Listeners

Request = dict[str, Any]

LONGEST_LINE = 1 << 20


def run(channel: socket.socket, name: str, attach: Request | None) -> None:
    """Serve the requests that come in on `channel` until it is closed; with `attach`, behind a tap of its own."""
    asyncio.run(_Worker(channel, name).serve(attach))


class _Worker:
    def __init__(self, channel: socket.socket, name: str) -> None:
        self._channel = channel
        self._listeners = Listeners(name)
        self._commands: dict[str, Callable[[Request], Awaitable[Any]]] = {
            "lease": self._lease,
            "listen": self._listen,
            "reach": self._reach,
            "ping": self._ping,
            "traceroute": self._traceroute,
            "facts": self._facts,
        }

    async def serve(self, attach: Request | None) -> None:
        reader, self._writer = await asyncio.open_connection(sock=self._channel, limit=LONGEST_LINE)
        if attach is not None and not self._plug(attach):
            await self._writer.drain()
            return
        running: set[asyncio.Task[None]] = set()
        while line := await reader.readline():
            task = asyncio.create_task(self._handle(json.loads(line)))
            running.add(task)
            task.add_done_callback(running.discard)

    def _plug(self, request: Request) -> bool:
        try:
            outside, inside = wire.plug(request["interface"], request["mac"])
        except OSError as error:
            self._reply(request, error=error.strerror or str(error))
            return False
        wire.relay(asyncio.get_running_loop(), outside, inside)
        self._reply(request, result={"interface": request["interface"]})
        return True

    async def _handle(self, request: Request) -> None:
        command = self._commands.get(request["do"])
        if command is None:
            self._reply(request, error=f"unknown command {request['do']!r}; known: {', '.join(sorted(self._commands))}")
            return
        try:
            result = await command(request)
        except KeyError as error:
            self._reply(request, error=f"{request['do']}: {error} is missing")
        except (OSError, ValueError, TypeError, LeaseError, FactsError) as error:
            self._reply(request, error=f"{request['do']}: {error}")
        else:
            self._reply(request, result=result)

    def _reply(self, request: Request, **outcome: object) -> None:
        answer = {"id": request["id"], "ok": "error" not in outcome} | outcome
        self._writer.write(json.dumps(answer).encode() + b"\n")

    async def _lease(self, request: Request) -> dict[str, Any]:
        return await acquire(float(request["timeout"]))

    async def _listen(self, request: Request) -> dict[str, Any]:
        for port in request.get("tcp", []):
            await self._listeners.tcp(port)
        for port in request.get("udp", []):
            await self._listeners.udp(port)
        return {"tcp": request.get("tcp", []), "udp": request.get("udp", [])}

    async def _reach(self, request: Request) -> list[reach.Result]:
        return await reach.check(request["targets"], float(request["timeout"]))

    async def _ping(self, request: Request) -> list[reach.Result]:
        return await reach.ping(request["to"], int(request["count"]), float(request["timeout"]))

    async def _traceroute(self, request: Request) -> list[str | None]:
        return await reach.trace(request["to"], int(request["hops"]), float(request["timeout"]))

    async def _facts(self, _: Request) -> dict[str, Any]:
        return await gather()


def main_of_child(channel: socket.socket, name: str, attach: Request | None, parent: int) -> NoReturn:
    """What a forked process runs: dies with `parent`, never returns."""
    end_with(parent, signal.SIGKILL)
    try:
        run(channel, name, attach)
    finally:
        os._exit(0)  # not exit: the buffers and handlers it inherited are its parent's
