"""What can be reached from this process's network namespace: echo, TCP, UDP and the path, all targets at once."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from romana.probe import icmp

# "outcome" is "reply" (the right thing answered), "refused" (something said no) or "timeout" (nothing came back)
Result = dict[str, Any]

LONGEST_NAME = 128
ECHO_ROUNDS = 2  # a lost packet is not yet an answer, so each target is asked twice within the timeout


async def check(targets: list[dict[str, Any]], timeout: float) -> list[Result]:
    """Try every target at the same time, each for up to `timeout` seconds.

    A target is {"to": address, "protocol": "icmp"} or {"to", "protocol": "tcp" or "udp", "port"}. A result is
    {"outcome", "seconds"}, with the "name" the listener gave for tcp and udp. Raises ValueError for any other target.
    """
    echoes = [target for target in targets if target["protocol"] == "icmp"]
    others = [target for target in targets if target["protocol"] != "icmp"]
    exchanges = asyncio.gather(*(_exchange(target, timeout) for target in others))
    echo_results, other_results = iter(await _echo(echoes, timeout)), iter(await exchanges)
    return [next(echo_results if target["protocol"] == "icmp" else other_results) for target in targets]


async def ping(address: str, count: int, timeout: float) -> list[Result]:
    """Send `count` echo requests to `address`, one after the other; a result each."""
    return [(await check([{"to": address, "protocol": "icmp"}], timeout))[0] for _ in range(count)]


async def trace(address: str, hops: int, timeout: float) -> list[str | None]:
    """Who answers for each hop on the way to `address`, None where nothing did; ends with `address` if it answered."""
    seen: dict[int, icmp.Answer] = {}
    with _EchoSocket() as echo:
        for ttl in range(1, hops + 1):
            echo.send(address, ttl, ttl=ttl)

        def note(answer: icmp.Answer) -> bool:
            seen.setdefault(answer.sequence, answer)
            arrived = [ttl for ttl, found in seen.items() if found.kind != icmp.TIME_EXCEEDED]
            return bool(arrived) and all(ttl in seen for ttl in range(1, min(arrived)))

        await echo.collect(note, timeout)
    path: list[str | None] = []
    for ttl in range(1, hops + 1):
        path.append(seen[ttl].sender if ttl in seen else None)
        if ttl in seen and seen[ttl].kind != icmp.TIME_EXCEEDED:
            break
    return path


class _EchoSocket:
    """A raw ICMP socket that knows its own echo requests."""

    def __init__(self) -> None:
        self.identifier = secrets.randbelow(0x10000)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self.socket.setblocking(False)

    def __enter__(self) -> _EchoSocket:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, address: str, sequence: int, ttl: int = 64) -> None:
        """Send one request; that the kernel has no route or drops it shows as no answer. Raises no OSError."""
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
        with suppress(OSError):
            self.socket.sendto(icmp.echo_request(self.identifier, sequence), (address, 0))

    async def collect(self, note: Callable[[icmp.Answer], bool], timeout: float) -> None:
        """Give `note` every answer to our requests until it returns True or `timeout` seconds are over."""
        loop = asyncio.get_running_loop()
        done = loop.create_future()

        def readable() -> None:
            try:
                packet, (sender, _) = self.socket.recvfrom(2048)
            except OSError:  # an error that a packet of ours caused; what matters is what answers
                return
            answer = icmp.parse(packet, sender)
            if answer and answer.identifier == self.identifier and note(answer) and not done.done():
                done.set_result(None)

        loop.add_reader(self.socket, readable)
        try:
            await asyncio.wait([done], timeout=timeout)
        finally:
            loop.remove_reader(self.socket)


async def _echo(targets: list[dict[str, Any]], timeout: float) -> list[Result]:
    if not targets:
        return []
    loop = asyncio.get_running_loop()
    start = loop.time()
    results: dict[int, Result] = {}
    with _EchoSocket() as echo:

        def note(answer: icmp.Answer) -> bool:
            if answer.sequence < len(targets) and answer.sequence not in results:
                to = targets[answer.sequence]["to"]
                right = answer.kind == icmp.ECHO_REPLY and answer.sender == to
                results[answer.sequence] = _result("reply" if right else "refused", start)
            return len(results) == len(targets)

        for _ in range(ECHO_ROUNDS):
            for sequence, target in enumerate(targets):
                if sequence not in results:
                    echo.send(target["to"], sequence)
            if len(results) < len(targets):
                await echo.collect(note, timeout / ECHO_ROUNDS)
    return [results.get(sequence) or _result("timeout", start) for sequence in range(len(targets))]


async def _exchange(target: dict[str, Any], timeout: float) -> Result:
    exchanges = {"tcp": _tcp, "udp": _udp}
    if target["protocol"] not in exchanges:
        raise ValueError(f"protocol {target['protocol']!r} is none of icmp, tcp, udp")
    start = asyncio.get_running_loop().time()
    try:
        name = await asyncio.wait_for(exchanges[target["protocol"]](target["to"], int(target["port"])), timeout)
    except TimeoutError:
        return _result("timeout", start)
    except OSError:
        return _result("refused", start)
    return _result("reply", start) | {"name": name}


async def _tcp(address: str, port: int) -> str:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
        client.setblocking(False)
        await loop.sock_connect(client, (address, port))
        return (await loop.sock_recv(client, LONGEST_NAME)).decode(errors="replace").strip()


async def _udp(address: str, port: int) -> str:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        client.connect((address, port))
        client.send(b"?")
        return (await loop.sock_recv(client, LONGEST_NAME)).decode(errors="replace").strip()


def _result(outcome: str, start: float) -> Result:
    return {"outcome": outcome, "seconds": round(asyncio.get_running_loop().time() - start, 4)}
