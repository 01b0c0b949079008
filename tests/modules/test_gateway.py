"""The gateway module in a network namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .conftest import run_module

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Node

GATEWAY = {"name": "romana-gw", "address": "10.0.0.1/16", "up": True}


def test_address_is_required_to_make_a_gateway(node: Node) -> None:
    result = node.module("gateway")
    assert result["failed"]
    assert result["msg"] == "state is present but all of the following are missing: address"


@pytest.mark.parametrize("address", ["10.0.0.0/16", "10.0.0.1", "10.0.0.1/33", "ten", "fd00::1/64"])
def test_wrong_address_is_refused_with_how_to_write_it(node: Node, address: str) -> None:
    result = node.module("gateway", address=address)
    assert result["msg"] == f"address {address!r} is not an interface's address; write it like 10.0.0.1/16"


@pytest.mark.parametrize("name", ["", "a b", "../x", "sixteen-letters-", "-x"])
def test_wrong_name_is_refused(node: Node, name: str) -> None:
    assert "is not an interface name" in node.module("gateway", name=name, address="10.0.0.1/16")["msg"]


def test_check_mode_makes_nothing(node: Node) -> None:
    before = node.state()
    result = node.module("gateway", check=True, address="10.0.0.1/16")
    assert result["changed"]
    assert result["diff"] == {"before": {}, "after": GATEWAY}
    assert node.state() == before


def test_gateway_is_made_once(node: Node) -> None:
    made = node.module("gateway", address="10.0.0.1/16")
    assert (made["changed"], made["gateway"]) == (True, GATEWAY)
    assert node.addresses("romana-gw") == ["10.0.0.1/16"]
    (link,) = node.ip("-details", "link", "show", "dev", "romana-gw")
    assert "UP" in link["flags"]
    assert link["linkinfo"]["info_kind"] in ("dummy", "bridge")

    before = node.state()
    again = node.module("gateway", address="10.0.0.1/16")
    assert (again["changed"], again["diff"]) == (False, {"before": GATEWAY, "after": GATEWAY})
    assert node.state() == before


@pytest.mark.parametrize("address", ["10.1.0.1/16", "10.0.0.2/16", "10.0.0.1/8"])
def test_new_address_takes_the_place_of_the_old_and_leaves_others(node: Node, address: str) -> None:
    node.module("gateway", address="10.0.0.1/16")
    node.run("ip", "address", "add", "10.0.7.7/16", "dev", "romana-gw")
    node.run("ip", "address", "add", "172.16.0.1/24", "dev", "romana-gw")
    changed = node.module("gateway", address=address)
    assert changed["diff"] == {"before": GATEWAY, "after": {**GATEWAY, "address": address}}
    assert sorted(node.addresses("romana-gw")) == sorted([address, "10.0.7.7/16", "172.16.0.1/24"])
    assert not node.module("gateway", address=address)["changed"]


def test_what_was_tampered_with_is_repaired(node: Node) -> None:
    node.module("gateway", address="10.0.0.1/16")
    node.run("ip", "address", "delete", "10.0.0.1/16", "dev", "romana-gw")
    node.run("ip", "link", "set", "romana-gw", "down")
    result = node.module("gateway", address="10.0.0.1/16")
    assert result["diff"]["before"] == {"name": "romana-gw", "address": None, "up": False}
    assert node.addresses("romana-gw") == ["10.0.0.1/16"]
    assert not node.module("gateway", address="10.0.0.1/16")["changed"]


def test_ip_of_busybox_is_told_apart(collections: Path, tmp_path: Path) -> None:
    (tmp_path / "ip").symlink_to("/bin/busybox")
    result = run_module(collections, "gateway", True, {"address": "10.0.0.1/16"}, "env", f"PATH={tmp_path}")
    assert result["msg"] == (
        f"cannot read interface romana-gw: {tmp_path}/ip is busybox's, which does not print JSON; install iproute2"
    )


def test_interface_of_another_is_never_touched(node: Node) -> None:
    before = node.state()
    refused = node.module("gateway", name="uplink", address="10.0.0.1/16")
    assert refused["msg"] == (
        "interface uplink exists and was not made by this module; give another name, or remove it with:"
        " ip link delete uplink"
    )
    left = node.module("gateway", name="uplink", state="absent")
    assert (left["changed"], left["warnings"]) == (
        False,
        ["interface uplink was not made by this module; it is left as it is"],
    )
    assert node.state() == before


def test_gateway_is_removed_once(node: Node) -> None:
    before = node.state()
    node.module("gateway", address="10.0.0.1/16")
    assert node.module("gateway", check=True, state="absent")["diff"] == {"before": GATEWAY, "after": {}}
    assert node.addresses("romana-gw") == ["10.0.0.1/16"]
    assert node.module("gateway", state="absent")["changed"]
    assert not node.module("gateway", state="absent")["changed"]
    assert node.state() == before
