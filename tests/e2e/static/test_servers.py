"""The life of a stack on servers that were there before, until they are given back. Steps, in this order."""

from __future__ import annotations

import json
import shutil

import pytest
from server_state import state
from servers import NO_PASSWORD, Static

LAB = ("srv", "192.168.94")
ELSEWHERE = "192.168.194"
# What root makes there, without a word on its mode, nobody else may read.
CLOSED = f"{NO_PASSWORD}Defaults umask=0027, umask_override\n"
SERVERS = {"alpha": 10, "beta": 11, "gamma": 12}


@pytest.fixture(scope="module")
def before(static: Static) -> dict[str, dict[str, list[str]]]:
    """What the servers were like before."""
    servers = [static.lab.add(name, number, sudoers=CLOSED) for name, number in SERVERS.items()]
    static.lab.join(ELSEWHERE)
    servers.append(static.lab.add("delta", 13, ELSEWHERE, sudoers=CLOSED))
    static.lab.servers["gamma"].run("dpkg", "--purge", "busybox")
    return {server.name: state(server) for server in servers}


@pytest.fixture(scope="module")
def installed(static: Static, before: dict[str, dict[str, list[str]]]) -> Static:
    """A stack on three of them."""
    assert set(before) == {*SERVERS, "delta"}
    if not (static.setup.directory / "stack.json").exists():
        static.setup.run("install", "-i", str(static.lab.inventory("alpha", "alpha", "beta", "gamma")))
    return static


def prefixes(static: Static, server: str) -> list[str]:
    """The routes to other hosts' prefixes."""
    lines = static.lab.servers[server].run("ip", "route").splitlines()
    return [" ".join(line.split()[:3]) for line in lines if " via 192.168.94." in line and "default" not in line]


@pytest.mark.usefixtures("before")
def test_check_makes_nothing(static: Static) -> None:
    inventory = str(static.lab.inventory("alpha", "alpha", "beta", "gamma"))
    assert "ready" in static.setup.run("check", "-i", inventory)
    assert not static.setup.directory.exists()


def test_check_mode_from_nothing_changes_nothing(static: Static, before: dict[str, dict[str, list[str]]]) -> None:
    inventory = str(static.lab.inventory("alpha", "alpha", "beta", "gamma"))
    static.setup.run("install", "-i", inventory, "--", "--check", "--diff")
    assert state(static.lab.servers["alpha"]) == before["alpha"]


def test_install_verifies_three_servers(installed: Static) -> None:
    report = installed.setup.verify()
    assert {answer["observed"] for answer in report["matrix"]} == {"reachable", "unreachable"}
    assert prefixes(installed, "beta") == [f"10.0.0.0/16 via {LAB[1]}.10", f"10.2.0.0/16 via {LAB[1]}.12"]


def test_second_install_changes_nothing_and_needs_no_inventory(installed: Static) -> None:
    assert "changed=0" in installed.setup.run("install")


def test_status_is_well(installed: Static) -> None:
    status = json.loads(installed.setup.run("status", "--format", "json"))
    assert [node["name"] for node in status["nodes"]] == ["alpha", "beta", "gamma"]


def test_a_command_runs_as_root_on_the_controller(installed: Static) -> None:
    assert installed.setup.run("ssh", "controller", "--", "id", "-un;", "hostname").split() == ["root", "alpha"]


def test_a_server_in_another_network_is_added_once_routers_know_the_prefixes(installed: Static) -> None:
    inventory = str(installed.lab.inventory("alpha", "alpha", "beta", "gamma", "delta"))
    refused = installed.setup.run("install", "-i", inventory, code=3)
    assert f"delta: {ELSEWHERE}.13 is in no network of alpha's" in refused
    for index, server in enumerate(("alpha", "beta", "gamma", "delta")):
        installed.lab.announce(f"10.{index}.0.0/16", server)
    installed.setup.settings["static_routes_announced"] = True
    installed.setup.run("install", "-i", inventory)
    assert f"10.3.0.0/16 via {LAB[1]}.1" in prefixes(installed, "beta")


def test_servers_leave_as_they_were_or_gone_and_the_others_keep_their_numbers(
    installed: Static, before: dict[str, dict[str, list[str]]]
) -> None:
    installed.lab.remove("delta")
    inventory = str(installed.lab.inventory("alpha", "alpha", "gamma"))
    refused = installed.setup.run("install", "-i", inventory, code=3)
    assert "delta: is to be given back, but does not answer on port 22" in refused
    installed.setup.settings["static_forget"] = ["delta"]
    installed.setup.run("install", "-i", inventory)
    assert state(installed.lab.servers["beta"]) == before["beta"]
    assert prefixes(installed, "alpha") == [f"10.2.0.0/16 via {LAB[1]}.12"]


def test_what_servers_still_have_is_not_said_to_be_removed(installed: Static) -> None:
    said = installed.setup.run("uninstall", "--yes", "--", "--tags", "web", code=1)
    assert "alpha still has /opt/romana, " in said
    assert "gamma still has /opt/romana, " in said
    assert "would have changed=" in installed.setup.run("uninstall", "--", "--check")
    assert installed.setup.verify()


def test_uninstall_gives_all_of_them_back_as_they_were_also_without_notes_of_them(
    installed: Static, before: dict[str, dict[str, list[str]]]
) -> None:
    gamma = installed.lab.servers["gamma"]
    assert gamma.shell("command -v busybox")
    inventory = str(installed.lab.inventory("alpha", "alpha", "gamma"))
    shutil.rmtree(installed.setup.directory)
    refused = installed.setup.run("install", "-i", inventory, code=3)
    assert "alpha: belongs to another stack, srv (/etc/romana/ca.pem)" in refused
    assert "./romana-setup -e stack_name=srv uninstall -i INVENTORY" in refused
    other = installed.setup.run("uninstall", "--yes", "-i", inventory, "-e", "stack_name=other", code=2)
    assert "gamma: belongs to stack srv; if that is meant, give -e stack_name=srv" in other
    installed.setup.run("uninstall", "-i", inventory, "--", "--check")
    assert not installed.setup.directory.exists()
    installed.setup.run("uninstall", "--yes", "-i", inventory, "-e", "static_remove_packages=true")
    assert "busybox" not in gamma.shell("dpkg --get-selections")
    for name, server in installed.lab.servers.items():
        now = state(server)
        assert {what: lines for what, lines in now.items() if lines != before[name][what]} == {}
    assert not installed.setup.directory.exists()
    assert "nothing of a stack on alpha, gamma" in installed.setup.run("uninstall", "--yes", "-i", inventory)
