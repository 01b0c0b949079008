"""From a tap's appearing to route, parameters, firewall and DHCP being in place, with 1 to 1,000 endpoints on the host.

The clock starts before the device is made and stops when the last of all is there: the kernel tells the route, the
parameters are read, and a DHCPDISCOVER sent into the tap has been answered with an offer of the endpoint's address
(which the firewall must let pass). The endpoint is known beforehand, as with OpenStack. Needs root.

    python benchmarks/agent_tap.py [--taps 100] [--output FILE]
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import select
import socket
import statistics
import struct
import sys
import time
from pathlib import Path

import command

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / "romana-core/src"), str(REPOSITORY / "romana-core/tests/agent")]

from agent_lab import Guest, Lab, bare_taps, discover, offered

from romana.agent.net import SYSCTLS, Kernel
from romana.agent.plumbing import tap_sysctls

SIZES = (1, 100, 1000)
TARGET = 0.1  # seconds, p99
PATIENCE = 10.0  # seconds
TUNSETIFF = 0x400454CA
IFF_TAP_NO_PI = 0x0002 | 0x1000
SIOCGIFFLAGS, SIOCSIFFLAGS = 0x8913, 0x8914
IFF_UP = 1

libc = ctypes.CDLL(None, use_errno=True)


def appear(name: str) -> int:
    """Make a tap and set it up. Returns its file descriptor: the guest's end."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP_NO_PI))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH22x", name.encode(), 0)
        flags = struct.unpack("16xH22x", fcntl.ioctl(control, SIOCGIFFLAGS, request))[0]
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH22x", name.encode(), flags | IFF_UP))
    return descriptor


def in_place(guest: Guest, kernel: Kernel) -> dict[str, float]:
    """Seconds until each thing was there."""
    frame = discover(guest.mac)
    prefix = f"{guest.address}/32"
    parameters = tap_sysctls(guest.interface)
    seconds: dict[str, float] = {}
    started = time.perf_counter()
    tap = appear(guest.interface)
    try:
        asked = 0.0
        while len(seconds) < 3:
            now = time.perf_counter() - started
            if now > PATIENCE:
                raise SystemExit(f"{guest.interface}: not in place after {PATIENCE} s, only {seconds}")
            if now - asked > 0.01 or not asked:
                os.write(tap, frame)
                asked = now
            ready, _, _ = select.select([tap, kernel], [], [], 0.002)
            if kernel in ready:
                kernel.hear()
                if prefix in kernel.observed.routes:
                    seconds.setdefault("route", time.perf_counter() - started)
            if tap in ready and offered(os.read(tap, 2048)) == guest.address:
                seconds.setdefault("dhcp", time.perf_counter() - started)
            if "parameters" not in seconds and "route" in seconds:
                values = {path: (SYSCTLS / path).read_text().strip() for path in parameters}
                if values == parameters:
                    seconds["parameters"] = time.perf_counter() - started
    finally:
        os.close(tap)
    return seconds


def measure(size: int, taps: int) -> dict[str, object]:
    """A row for a host with `size` endpoints, the appearing one included."""
    lab = Lab(1)
    node = lab.nodes[0]
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    try:
        others = [lab.guest(0, 1 + n // 200, 1 + n % 2, plug=False) for n in range(size - 1)]
        # They appear one after the other, and go again: the size stays.
        guest = lab.guest(0, 15, 15, plug=False)
        bare_taps(node.namespace, [other.interface for other in others])
        lab.push()
        with Path(f"/var/run/netns/{node.namespace.name}").open() as file:
            libc.setns(file.fileno(), 0)
        kernel = Kernel()
        kernel.load()
        samples = []
        for _ in range(taps):
            samples.append(in_place(guest, kernel))
            while kernel.observed.link(guest.interface) is not None:
                select.select([kernel], [], [], 1.0)
                kernel.hear()
        kernel.close()
        libc.setns(home, 0)
        guarded = [guest.interface in node.set_elements("taps")]
    finally:
        libc.setns(home, 0)
        os.close(home)
        lab.close()
    totals = sorted(max(sample.values()) for sample in samples)
    return {
        "endpoints": size,
        "taps": taps,
        "firewall": all(guarded),
        "p50_ms": round(1000 * statistics.median(totals), 1),
        "p99_ms": round(1000 * totals[min(len(totals) - 1, int(0.99 * len(totals)))], 1),
        "route_p50_ms": round(1000 * statistics.median(sample["route"] for sample in samples), 1),
        "dhcp_p50_ms": round(1000 * statistics.median(sample["dhcp"] for sample in samples), 1),
    }


def main() -> int:
    """Measure, print a table and JSON."""
    parser = command.parser(__doc__)
    parser.add_argument("--taps", type=int, default=100, help="taps that appear for each size, default %(default)s")
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=SIZES, help="endpoints on the host, default %(default)s"
    )
    options = command.root_options(parser)
    rows = [measure(size, options.taps) for size in options.sizes]
    print(f"{'endpoints':>9} {'taps':>5} {'p50 ms':>7} {'p99 ms':>7} {'route p50':>10} {'dhcp p50':>9}")
    for row in rows:
        times = f"{row['p50_ms']:>7} {row['p99_ms']:>7} {row['route_p50_ms']:>10} {row['dhcp_p50_ms']:>9}"
        print(f"{row['endpoints']:>9} {row['taps']:>5} {times}")
    result = {"benchmark": "agent_tap", "target_p99_ms": 1000 * TARGET, "results": rows}
    command.publish(result, options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
