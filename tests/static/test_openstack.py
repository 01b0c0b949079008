"""OpenStack on three servers that were there before, and the servers given back. Steps, in this order."""

from __future__ import annotations

import json

import pytest
from server_state import SERVICES_OWN, difference, state
from servers import Static

LAB = ("ops", "192.168.91")
SERVERS = {"alpha": 10, "beta": 11, "gamma": 12}


@pytest.fixture(scope="module")
def before(static: Static) -> dict[str, dict[str, list[str]]]:
    """What the servers were like before."""
    servers = [static.lab.add(name, number, services=True) for name, number in SERVERS.items()]
    static.setup.settings["openstack_engine"] = "packages"
    return {server.name: state(server) for server in servers}


@pytest.fixture(scope="module")
def installed(static: Static, before: dict[str, dict[str, list[str]]]) -> Static:
    """A cloud on the three, which its own verification found in order."""
    assert set(before) == set(SERVERS)
    static.setup.run("install", "-i", str(static.lab.inventory("alpha", "beta", "gamma")))
    return static


def test_second_install_changes_nothing(installed: Static) -> None:
    assert "changed=0" in installed.setup.run("install")


def test_status_is_well(installed: Static) -> None:
    status = json.loads(installed.setup.run("status", "--format", "json"))
    assert [node["name"] for node in status["nodes"]] == ["alpha", "beta", "gamma"]


def test_uninstall_gives_them_back_as_they_were(installed: Static, before: dict[str, dict[str, list[str]]]) -> None:
    installed.setup.run("uninstall", "--yes")
    different: dict[str, list[str]] = {}
    for name, server in installed.lab.servers.items():
        odd = difference(before[name], state(server), SERVICES_OWN)
        different |= {f"{name}: {what}": lines for what, lines in odd.items()}
    assert different == {}
    assert "nova" not in installed.lab.servers["alpha"].run("ls", "/var/lib/mysql")
