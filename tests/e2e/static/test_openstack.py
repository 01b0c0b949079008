"""OpenStack on servers that were there before, and the servers given back. Steps, in this order.

romana-setup runs on one of them, with this checkout; the others are reached by a bastion alone.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from server_state import SERVICES_OWN, difference, state
from servers import PROJECT, USER, Lab, Server, Static

from romana_install.ansible.release import build_release
from romana_install.state.stack import cache_home

pytestmark = pytest.mark.long("installs OpenStack on servers; `local` has that, and test_servers.py has servers")
LAB = ("ops", "192.168.91")
BASTION = f"{LAB[1]}.2"
CLOUDS = "/etc/openstack/clouds.yaml"  # alpha has one of its own
HOME = "/var/tmp/setup"  # noqa: S108 - on the server; not among what is compared
COMPUTES = {"beta": 11, "gamma": 12}

State = dict[str, list[str]]


def let_in_by_the_bastion_alone(upper: Path) -> None:
    (upper / "etc/ssh/sshd_config.d").mkdir()
    (upper / "etc/ssh/sshd_config.d/bastion.conf").write_text(f"AllowUsers {USER}@{BASTION}\n")


def inventory(lab: Lab, *computes: str) -> str:
    """An inventory on the machine itself, which is the controller; returns its path there."""
    hosts: dict[str, dict[str, Any]] = {
        name: {"ansible_host": lab.servers[name].address, "ansible_user": USER} for name in COMPUTES
    }
    hosts["alpha"] = {"ansible_connection": "local", "node_address": lab.servers["alpha"].address}
    groups = {
        "controller": {"hosts": {"alpha": hosts["alpha"]}},
        "compute": {"hosts": {name: hosts[name] for name in computes}},
    }
    content = {"all": {"vars": {"ansible_ssh_private_key_file": f"{HOME}/key"}, "children": groups}}
    lab.servers["alpha"].shell(f"cat >{HOME}/inventory.yml <<'END'\n{json.dumps(content)}\nEND")
    return f"{HOME}/inventory.yml"


@pytest.fixture(scope="module")
def machine(static: Static) -> Server:
    """A server that has this checkout, its virtualenv, and what an installation elsewhere would have fetched."""
    if sys.base_prefix == "/usr":
        pytest.skip(
            "the virtualenv is of this distribution's Python, which cannot be lent to a server without all of /usr"
        )
    lab = static.lab
    build_release(PROJECT, cache_home() / "releases", "3.13")
    lab.add("bastion", 2)
    for name, number in COMPUTES.items():
        lab.add(name, number, services=True, prepare=let_in_by_the_bastion_alone)
    binds = [str(PROJECT), sys.base_prefix, str(cache_home() / "releases")]
    machine = lab.add("alpha", 10, services=True, binds=binds)
    home = Path(f"{machine.directory}/root{HOME}")
    home.mkdir()
    for path in (lab.key, lab.known_hosts):
        shutil.copy(path, home)
    return machine


@pytest.fixture(scope="module")
def before(static: Static, machine: Server) -> dict[str, State]:
    """What the servers were like before."""
    machine.shell(f"mkdir -p --mode=750 {Path(CLOUDS).parent}; echo theirs >{CLOUDS}; chmod 640 {CLOUDS}")
    return {name: state(static.lab.servers[name]) for name in ("alpha", *COMPUTES)}


def setup(machine: Server, *words: str) -> str:
    """What romana-setup prints there, in an environment without anything else."""
    environment = {
        "HOME": HOME,
        "XDG_STATE_HOME": f"{HOME}/state",
        "XDG_CACHE_HOME": str(cache_home().parent),
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
    }
    variables = [f"{name}={value}" for name, value in environment.items()]
    settings = {
        "openstack_engine": "packages",
        "ssh_jump": f"{USER}@{BASTION}",
        "ssh_known_hosts": f"{HOME}/known_hosts",
    }
    return machine.run(
        *("env", "-i", *variables, str(PROJECT / "romana-setup"), "-t", "static", "-e", json.dumps(settings)), *words
    )


@pytest.fixture(scope="module")
def installed(static: Static, machine: Server, before: dict[str, State]) -> Server:
    """A cloud of a controller and a compute node, which its own verification found in order, with instances."""
    assert set(before) == {"alpha", *COMPUTES}
    setup(machine, "install", "-i", inventory(static.lab, "beta"))
    return machine


def names(machine: Server) -> list[str]:
    """The cloud's nodes, which are well."""
    status = json.loads(setup(machine, "status", "--format", "json"))
    assert status["ok"]
    return [node["name"] for node in status["nodes"]]


def verified(machine: Server) -> str:
    """What the last installation's log says."""
    logs = Path(f"{machine.directory}/root{HOME}/state/romana-setup/romana/logs")
    return max(logs.glob("*-install.log")).read_text()


@pytest.mark.usefixtures("before")
def test_one_machine_alone_would_do(static: Static, machine: Server) -> None:
    assert "ready" in setup(machine, "check", "-i", inventory(static.lab, "alpha"), "-e", '{"ssh_jump": ""}')


def test_controller_is_this_machine_and_runs_no_instances(installed: Server) -> None:
    assert setup(installed, "ssh", "controller", "--", "hostname").strip() == "alpha"
    assert names(installed) == ["alpha", "beta"]
    assert re.search("ok +compute services +up on beta", verified(installed))


def test_the_client_on_the_controller_knows_the_cloud(installed: Server) -> None:
    assert installed.run("cat", CLOUDS) == installed.run("cat", f"{HOME}/state/romana-setup/romana/clouds.yaml")


def test_nothing_but_the_bastion_gets_to_the_others(static: Static, installed: Server) -> None:
    known = f"UserKnownHostsFile={HOME}/known_hosts"
    to = f"{USER}@{static.lab.servers['beta'].address}"
    refused = installed.shell(f"! ssh -n -i {HOME}/key -o {known} -o BatchMode=yes {to} hostname 2>&1")
    assert "Permission denied" in refused


def test_a_server_takes_the_place_of_another_and_the_controller_runs_instances_too(
    static: Static, installed: Server, before: dict[str, State]
) -> None:
    output = setup(installed, "install", "-i", inventory(static.lab, "alpha", "gamma"))
    assert "add gamma" in output
    assert "remove beta" in output
    assert names(installed) == ["alpha", "gamma"]
    assert re.search("ok +compute services +up on alpha, gamma", verified(installed))
    assert re.search("ok +instances +4 ACTIVE", verified(installed))
    assert difference(before["beta"], state(static.lab.servers["beta"]), SERVICES_OWN) == {}


def test_second_install_changes_nothing(installed: Server) -> None:
    assert "changed=0" in setup(installed, "install")


def test_uninstall_gives_the_others_back_as_they_were(
    static: Static, installed: Server, before: dict[str, State]
) -> None:
    setup(installed, "uninstall", "--yes")
    # Alpha is the installer's own machine, too, whose cache stays.
    own = (*SERVICES_OWN, str(cache_home() / "ansible"))
    different = {name: difference(before[name], state(static.lab.servers[name]), own) for name in before}
    assert [name for name, found in different.items() if found] == []
    assert "nova" not in installed.run("ls", "/var/lib/mysql")
    assert list(Path(f"{installed.directory}/root{HOME}/state/romana-setup").glob("*/stack.json")) == []
