"""The client of allocate.py: as little as HTTP over TLS takes, so that what is measured is the server.

One process, one event loop, one keep-alive connection per request in parallel. Reads a job and writes its outcome as
JSON: see Job and Outcome. Latency is from before a request is written until its answer is read whole, the client's own
share included. Nothing is sent twice.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

HOST = "127.0.0.1"
PATIENCE = 60.0  # seconds for one answer


@dataclass(frozen=True)
class Job:
    """Requests POST /v1/endpoints, as pairs of idempotency key and body, for `parallel` connections over all ports."""

    ports: list[int]
    ca_file: str
    token: str
    parallel: int
    requests: list[tuple[str, str]]


@dataclass(frozen=True)
class Outcome:
    """What came of a job: status (0: no answer), body and milliseconds of each request; seconds in all, and of CPU."""

    answers: list[tuple[int, str, float]]
    seconds: float
    cpu: float


def run(job: Job) -> Outcome:
    """Do a job in a process of its own."""
    client = [sys.executable, str(Path(__file__).resolve())]
    done = subprocess.run(client, input=json.dumps(asdict(job)), stdout=subprocess.PIPE, text=True, check=True)
    return Outcome(**json.loads(done.stdout))


async def _do(job: Job) -> Outcome:
    tls = ssl.create_default_context(cafile=job.ca_file)
    connections = await asyncio.gather(
        *(
            asyncio.open_connection(HOST, job.ports[number % len(job.ports)], ssl=tls)
            for number in range(min(job.parallel, len(job.requests)))
        )
    )
    answers: list[tuple[int, str, float]] = [(0, "", 0.0)] * len(job.requests)
    numbers = iter(range(len(job.requests)))
    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(_work(job, *connection, numbers, answers) for connection in connections))
    outcome = Outcome(answers, time.perf_counter() - began, time.process_time() - cpu)
    for _, writer in connections:
        writer.close()
    return outcome


async def _work(
    job: Job,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    numbers: Iterator[int],
    answers: list[tuple[int, str, float]],
) -> None:
    for number in numbers:
        key, body = job.requests[number]
        head = (
            f"POST /v1/endpoints HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {job.token}\r\n"
            f"Idempotency-Key: {key}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        began = time.perf_counter()
        try:
            async with asyncio.timeout(PATIENCE):
                writer.write((head + body).encode())
                status, answer = await _answer(reader)
        except (OSError, EOFError, TimeoutError) as error:
            print(f"request {number} has no answer: {error!r}", file=sys.stderr)
            return
        answers[number] = (status, answer, 1000 * (time.perf_counter() - began))


async def _answer(reader: asyncio.StreamReader) -> tuple[int, str]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = int(head.partition("\r\ncontent-length:")[2].partition("\r\n")[0])
    return int(head.split(" ", 2)[1]), (await reader.readexactly(length)).decode()


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(_do(Job(**json.load(sys.stdin)))))))
