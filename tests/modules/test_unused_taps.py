"""Which taps a node loses before nova-compute starts, in a network namespace."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .conftest import Node

PROGRAM = Path(__file__).parents[2] / "roles" / "nova_compute" / "files" / "remove-unused-taps"
TABLE = "table inet romana {\n set taps {\n type ifname\n elements = { tap12345678-9a, tapdummy }\n }\n}\n"


def test_only_taps_of_endpoints_that_nobody_holds_are_removed(node: Node) -> None:
    taps = ["tap0", "tap12345678-9a", "tap22345678-9a"]
    for tap in taps:
        node.run("ip", "tuntap", "add", tap, "mode", "tap")
        node.run("ip", "link", "set", tap, "up")
    node.run("ip", "link", "add", "tapdummy", "type", "bridge")  # no tap
    command = ["ip", "netns", "exec", node.namespace]
    subprocess.run([*command, "sh", str(PROGRAM)], check=True)
    assert {"tapdummy", *taps} <= {link["ifname"] for link in node.ip("link")}
    subprocess.run([*command, "nft", "-f", "-"], input=TABLE, text=True, check=True)
    subprocess.run([*command, "sh", str(PROGRAM)], check=True)
    left = {link["ifname"] for link in node.ip("link") if link["ifname"].startswith("tap")}
    assert left == {"tap0", "tap22345678-9a", "tapdummy"}
