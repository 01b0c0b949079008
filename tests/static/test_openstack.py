"""OpenStack on servers behind a bastion that were there before, and the servers given back. Steps, in this order."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from server_state import SERVICES_OWN, difference, state
from servers import Static

LAB = ("ops", "192.168.91")
HERE, THERE = "192.168.191.1", "192.168.191.2"
CLOUDS = Path("/etc/openstack/clouds.yaml")  # alpha has one of its own
SERVERS = {"alpha": 10, "beta": 11, "gamma": 12, "delta": 13}


@pytest.fixture(scope="module")
def before(static: Static) -> dict[str, dict[str, list[str]]]:
    """What the servers were like before."""
    static.lab.add("bastion", 2)
    servers = [static.lab.add(name, number, services=True, databases=True) for name, number in SERVERS.items()]
    static.lab.servers["alpha"].shell(f"mkdir -p --mode=750 {CLOUDS.parent}; echo theirs >{CLOUDS}; chmod 640 {CLOUDS}")
    static.lab.close_in("bastion", HERE, THERE)
    static.setup.settings |= {"openstack_engine": "packages", "ssh_jump": f"debian@{THERE}"}
    return {server.name: state(server) for server in servers}


@pytest.fixture(scope="module")
def installed(static: Static, before: dict[str, dict[str, list[str]]]) -> Static:
    """A cloud on three of them, which its own verification found in order."""
    assert set(before) == set(SERVERS)
    static.setup.run("install", "-i", str(static.lab.inventory("alpha", "beta", "gamma")))
    return static


def names(static: Static) -> list[str]:
    """The cloud's nodes."""
    return [node["name"] for node in json.loads(static.setup.run("status", "--format", "json"))["nodes"]]


def test_second_install_changes_nothing(installed: Static) -> None:
    assert "changed=0" in installed.setup.run("install")


def test_the_client_on_the_controller_knows_the_cloud(installed: Static) -> None:
    theirs = installed.lab.servers["alpha"].run("cat", str(CLOUDS))
    assert theirs == (installed.setup.directory / "clouds.yaml").read_text()


def test_a_server_takes_the_place_of_another(installed: Static, before: dict[str, dict[str, list[str]]]) -> None:
    output = installed.setup.run("install", "-i", str(installed.lab.inventory("alpha", "gamma", "delta")))
    assert "add delta" in output
    assert "remove beta" in output
    assert names(installed) == ["alpha", "gamma", "delta"]
    log = max((installed.setup.directory / "logs").glob("*-install.log")).read_text()
    assert re.search("ok +compute services +up on delta, gamma", log)
    assert re.search("ok +instances +4 ACTIVE", log)
    assert difference(before["beta"], state(installed.lab.servers["beta"]), SERVICES_OWN) == {}


def test_uninstall_gives_the_others_back_as_they_were(
    installed: Static, before: dict[str, dict[str, list[str]]]
) -> None:
    installed.setup.run("uninstall", "--yes")
    different = {
        name: difference(before[name], state(installed.lab.servers[name]), SERVICES_OWN)
        for name in ("alpha", "gamma", "delta")
    }
    assert different == {"alpha": {}, "gamma": {}, "delta": {}}
    assert "nova" not in installed.lab.servers["alpha"].run("ls", "/var/lib/mysql")
