"""What deleted instances must not leave behind."""

from __future__ import annotations

import re
from collections.abc import Collection

from romana_setup import Setup

TAP = re.compile(r"tap[0-9a-f]{8}-[0-9a-f]{2}")  # as Nova names them
LOOKS = ("ip -br link", "ip route", "ip neighbour", "nft list ruleset", "cat /run/romana/dnsmasq* 2>/dev/null || true")


def assert_nothing_left(stack: Setup, ports: Collection[str] = ()) -> None:
    """No endpoint in the store; on no node a tap, a route or neighbour on it, an element of a set, or a lease.

    But for those of some ports, given by their ids, after which Nova names taps.
    """
    taps = {f"tap{port[:11]}" for port in ports}
    assert {endpoint["interface"] for endpoint in stack.romana("endpoint", "list")} == taps
    assert "no contradictions" in stack.ssh("controller", "romana", "ipam", "check")
    for node in ("controller", "compute01", "compute02"):
        for look in LOOKS:
            assert set(TAP.findall(stack.ssh(node, look))) - taps == set(), f"{node}: {look}"
