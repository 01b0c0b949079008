"""DHCP on the probe's eth0, by busybox's client: what an instance would do at boot."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from functools import partial
from typing import Any

from romana.parent import end_with

# udhcpc calls it with the event as argument and the lease in the environment.
SCRIPT = b"""#!/bin/sh
[ "$1" = bound ] && echo "$ip $mask ${subnet:--} ${router:--} ${serverid:--} ${lease:-0}"
exit 0
"""


class LeaseError(Exception):
    """No lease was had; the message says what the client saw."""


async def acquire(timeout: float) -> dict[str, Any]:
    """Ask for a lease for up to `timeout` seconds and configure eth0 with it.

    Returns address, prefix_length, netmask, router, server (str or None), lease (s) and seconds (from first discover to
    lease). Raises LeaseError.
    """
    start = time.monotonic()
    event = await _udhcpc(timeout)
    seconds = time.monotonic() - start
    address, prefix_length, netmask, router, server, lease = event
    batch = f"address add {address}/{prefix_length} dev eth0\n"
    if router != "-":
        batch += f"route add default via {router} dev eth0 onlink\n"
    await _configure(batch)
    return {
        "address": address,
        "prefix_length": int(prefix_length),
        "netmask": None if netmask == "-" else netmask,
        "router": None if router == "-" else router,
        "server": None if server == "-" else server,
        "lease": int(lease),
        "seconds": round(seconds, 4),
    }


async def _udhcpc(timeout: float) -> list[str]:
    script = _unnamed_file(SCRIPT)
    try:
        tries = max(1, round(timeout))
        client = await asyncio.create_subprocess_exec(
            *("busybox", "udhcpc", "-f", "-n", "-q", "-i", "eth0", "-t", str(tries), "-T", "1"),
            *("-s", f"/proc/self/fd/{script}"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            pass_fds=(script,),
            preexec_fn=partial(end_with, os.getpid(), signal.SIGKILL),
        )
    except FileNotFoundError:
        raise LeaseError("busybox is not installed on the node") from None
    finally:
        os.close(script)
    output, messages = await client.communicate()
    fields = output.decode(errors="replace").split()
    if client.returncode != 0 or len(fields) != 6:
        last = (messages.decode(errors="replace").strip().splitlines() or ["no message"])[-1]
        raise LeaseError(f"no DHCP answer within {timeout:g} s ({last})")
    return fields


def _unnamed_file(content: bytes) -> int:
    """A descriptor of an executable file that has no name, so there is nothing to clean up."""
    writable = os.memfd_create("udhcpc-script", os.MFD_CLOEXEC)
    try:
        os.write(writable, content)
        return os.open(f"/proc/self/fd/{writable}", os.O_RDONLY)  # what is open for writing cannot be executed
    finally:
        os.close(writable)


async def _configure(batch: str) -> None:
    ip = await asyncio.create_subprocess_exec(
        *("ip", "-force", "-batch", "-"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=partial(end_with, os.getpid(), signal.SIGKILL),
    )
    _, messages = await ip.communicate(batch.encode())
    if ip.returncode != 0:
        raise LeaseError(f"the lease does not configure: {messages.decode(errors='replace').strip()}")
