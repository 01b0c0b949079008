"""Servers in a probe's namespace that answer with the probe's name, so that a caller knows whom it reached."""

from __future__ import annotations

import asyncio
from typing import cast


class Listeners:
    """TCP and UDP servers of one probe, on all its addresses (the namespace has no others)."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._open: list[asyncio.Server | asyncio.DatagramTransport] = []

    async def tcp(self, port: int) -> None:
        """Answer each connection to `port` with the name. Raises OSError."""
        self._open.append(await asyncio.start_server(self._answer, "0.0.0.0", port))  # noqa: S104 - its own namespace

    async def udp(self, port: int) -> None:
        """Answer each datagram to `port` with the name. Raises OSError."""
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _Echo(self.name),
            local_addr=("0.0.0.0", port),  # noqa: S104 - its own namespace
        )
        self._open.append(transport)

    async def _answer(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"{self.name}\n".encode())
        try:
            await writer.drain()
            writer.close()
            await writer.wait_closed()
        except ConnectionError:
            pass  # the caller has its answer or gave up


class _Echo(asyncio.DatagramProtocol):
    def __init__(self, name: str) -> None:
        self.name = name

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)  # which is no subclass of it in Python 3.11

    def datagram_received(self, _: bytes, sender: tuple[str, int]) -> None:
        self.transport.sendto(self.name.encode(), sender)
