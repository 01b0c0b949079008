"""What the hook of the role libvirt does to taps that Nova has made, in a network namespace."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Node

HOOK = Path(__file__).parents[2] / "roles" / "libvirt" / "files" / "hook"
DOMAIN = (
    "<domain><devices><disk><target dev='vda' bus='virtio'/></disk>"
    "<interface type='ethernet'><target dev='tap12-3f'/></interface>"
    "<interface type='ethernet'><target dev='tap45-6f' managed='no'/></interface>"
    "<interface type='ethernet'><target dev='tap78-9f'/></interface></devices></domain>"
)


@pytest.mark.parametrize(
    ("call", "left"),
    [
        (["instance-1", "prepare", "begin"], ["tap45-6f", "tapother"]),
        (["instance-1", "started", "begin"], None),
        (["another-program", "prepare", "begin"], None),
    ],
)
def test_taps_that_libvirt_shall_make_are_deleted(node: Node, call: list[str], left: list[str] | None) -> None:
    made = ["tap12-3f", "tap45-6f", "tapother"]
    for tap in made:
        node.run("ip", "tuntap", "add", tap, "mode", "tap")
    command = ["ip", "netns", "exec", node.namespace, "sh", str(HOOK), *call, "-"]
    subprocess.run(command, input=DOMAIN, text=True, check=True)
    assert sorted(link["ifname"] for link in node.ip("link") if link["ifname"].startswith("tap")) == (left or made)
