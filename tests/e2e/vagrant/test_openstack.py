"""OpenStack on real machines, a controller and a compute node, by libvirt and qemu. Steps, in this order.

Their processors are emulated, and those of the instances on them once more: it takes more than half an hour.
"""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator

import pytest
from cloud_client import Cloud, Server
from vagrant_world import VagrantSetup, VagrantWorld

NODES = ("controller", "compute01")
PROCESS = "ps --no-headers -o user:20,label -p $(pgrep -f 'guest=[i]nstance-')"


@pytest.fixture(scope="module")
def stack(world: VagrantWorld) -> VagrantSetup:
    """The stack; it goes with its world."""
    world.start_libvirt()
    world.add_box("libvirt", "packages")
    return VagrantSetup(
        world,
        "cloud",
        "192.168.96.0/24",
        {
            "openstack_engine": "packages",
            "vagrant_provider": "libvirt",
            "vagrant_libvirt_driver": "qemu",
            "vagrant_controller_memory": 6144,
            "vagrant_compute_memory": 3072,
            "vagrant_compute_cpus": 1,
            "vagrant_boot_timeout": 1800,
            "openstack_api_workers": 1,
            "devstack_compute_node": 1,
        },
    )


@pytest.fixture(scope="module")
def summary(stack: VagrantSetup) -> str:
    """What the installation says at its end."""
    return stack.run("install")


@pytest.fixture(scope="module")
def installed(stack: VagrantSetup, summary: str) -> VagrantSetup:
    """The stack, once its cloud is there."""
    assert summary
    return stack


@pytest.fixture
def instance(installed: VagrantSetup) -> Iterator[Server]:
    """An instance on the compute node."""
    with installed.world.network():
        cloud = Cloud(installed.directory, installed.name)
        identifier = cloud.boot("confined", "compute01")
        (server,) = cloud.active(identifier)
    yield server
    with installed.world.network():
        cloud.delete(identifier)


def test_installation_was_verified_with_instances(installed: VagrantSetup) -> None:
    (run,) = (run for run in installed.journal() if run["kind"] == "first")
    assert {phase["name"]: phase["ok"] for phase in run["phases"]}["verify"], run
    log = max((installed.directory / "logs").glob("*-install.log")).read_text()
    assert re.search("ok +compute services +up on compute01, controller", log)
    assert re.search(r"ok +instances +\d+ ACTIVE", log)


def test_horizon_answers_where_the_summary_says(installed: VagrantSetup, summary: str) -> None:
    (url,) = set(re.findall(rf"http://{re.escape(installed.address(10))}/\S*", summary))
    with installed.world.network(), urllib.request.urlopen(url, timeout=300) as answer:  # noqa: S310 - http
        assert b'name="password"' in answer.read()


def test_status_shows_every_service_as_active(installed: VagrantSetup) -> None:
    status = json.loads(installed.run("status", "--format", "json"))
    assert status["ok"]
    assert {node["name"] for node in status["nodes"]} == set(NODES)
    assert {state for node in status["nodes"] for state in node["openstack"].values()} == {"active"}


def test_second_install_changes_nothing(installed: VagrantSetup) -> None:
    assert "changed=0" in installed.run("install", "--quick")


def test_an_instance_is_confined(installed: VagrantSetup, instance: Server) -> None:
    """What runs it has a user of its own, and its own profile of AppArmor, which is enforced."""
    user, profile, mode = installed.ssh(instance.host, PROCESS).split()
    assert user == "libvirt-qemu"
    assert profile == f"libvirt-{instance.id}"
    assert mode == "(enforce)"


def test_uninstall_leaves_nothing(installed: VagrantSetup) -> None:
    assert installed.remains()
    installed.run("uninstall", "--yes")
    assert installed.remains() == {}
    assert not installed.directory.exists()
