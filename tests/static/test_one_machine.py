"""A cloud on the very machine that romana-setup runs on: a server with this checkout. Steps, in this order."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from server_state import SERVICES_OWN, difference, state
from servers import PROJECT, Server, Static

from romana_install.release import build_release
from romana_install.stack import cache_home

LAB = ("one", "192.168.92")
HOME = "/var/tmp/setup"  # noqa: S108 - in the server; not among what is compared


@pytest.fixture(scope="module")
def machine(static: Static) -> Server:
    """A server that has this checkout, its virtualenv, and what an installation elsewhere would have fetched."""
    build_release(PROJECT, cache_home() / "releases", "3.13")
    binds = [str(PROJECT), sys.base_prefix, str(cache_home() / "releases")]
    return static.lab.add("solo", 10, services=True, binds=binds)


@pytest.fixture(scope="module")
def before(machine: Server) -> dict[str, list[str]]:
    """What the machine was like before."""
    host = {"ansible_connection": "local", "node_address": machine.address}
    groups = {"controller": {"hosts": {"solo": host}}, "compute": {"hosts": {"solo": {}}}}
    machine.shell(f"mkdir -p {HOME}")
    inventory = json.dumps({"all": {"children": groups}})
    machine.shell(f"cat >{HOME}/inventory.yml <<'END'\n{inventory}\nEND")
    return state(machine)


def setup(machine: Server, *words: str) -> str:
    environment = {
        "HOME": HOME,
        "XDG_STATE_HOME": f"{HOME}/state",
        "XDG_CACHE_HOME": str(cache_home().parent),
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
    }
    variables = [f"{name}={value}" for name, value in environment.items()]
    return machine.run(
        "env", "-i", *variables, str(PROJECT / "romana-setup"), "-e", "openstack_engine=packages", *words
    )


@pytest.fixture(scope="module")
def installed(machine: Server, before: dict[str, list[str]]) -> Server:
    """A cloud on it, which its own verification found in order, with instances."""
    assert before
    setup(machine, "-t", "static", "-i", f"{HOME}/inventory.yml")
    return machine


def test_second_install_changes_nothing(installed: Server) -> None:
    assert "changed=0" in setup(installed, "-t", "static")


def test_controller_is_this_machine(installed: Server) -> None:
    assert setup(installed, "ssh", "controller", "--", "hostname").strip() == "solo"
    assert json.loads(setup(installed, "status", "--format", "json"))["ok"]


def test_uninstall_leaves_the_machine_as_it_was(installed: Server, before: dict[str, list[str]]) -> None:
    setup(installed, "uninstall", "--yes")
    # It is the installer's own machine, too, whose cache stays.
    assert difference(before, state(installed), (*SERVICES_OWN, str(cache_home() / "ansible"))) == {}
    assert list(Path(f"{installed.directory}/root{HOME}/state/romana-setup").glob("*/stack.json")) == []
