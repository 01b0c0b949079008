"""OpenStack on AWS, on machines, from the first call to instances that answer at the user's; its packages are there.

The user's side has no way to the nodes' own addresses: all that is looked at there comes through ssh.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from fabric import USER
from live_cloud import LiveCloud
from machine_image import machine_image
from romana_setup import Setup
from waiting import eventually
from world import children

pytestmark = pytest.mark.long("it installs OpenStack on two machines and boots emulated instances")
NAME = "cloud"
HORIZON = "http://127.0.0.1:8080/horizon"


@pytest.fixture(scope="module")
def installed(live_place: Path) -> Iterator[Setup]:
    """A cloud of a controller and a compute node, which its own verification found in order, with instances."""
    with LiveCloud(live_place / NAME, machine_image(services=True)) as cloud, cloud.world.network():
        setup = cloud.setup(NAME, devstack_compute_node=1, openstack_engine="packages", aws_floating_ips=1)
        setup.run("install")
        yield setup
        setup.run("uninstall", "--yes")
        assert cloud.leftovers() == {}
        assert cloud.machines() == []


@contextmanager
def tunnel(setup: Setup) -> Iterator[None]:
    """The action `tunnel`, while it says that it is there."""
    process = setup.start("tunnel")
    try:
        assert process.stdout is not None
        assert "until Ctrl-C" in process.stdout.readline()
        yield
    finally:
        for pid in children(process.pid):
            os.kill(pid, 15)
        process.wait()


def test_instances_reach_each_other(installed: Setup) -> None:
    checks = {check["name"]: check for check in installed.verify()["checks"]}
    assert "instances" in " ".join(checks)
    assert re.search(" answers (controller|compute01) by 192", json.dumps(checks["router and floating IP"]))


def test_a_browser_gets_horizon_by_the_tunnel(installed: Setup) -> None:
    look = ["curl", "--silent", "--fail", "--location", "--retry", "10", "--retry-connrefused", HORIZON]
    with tunnel(installed):
        page = subprocess.run([*installed.inside, *look], capture_output=True, text=True, check=False)
    assert "Horizon" in page.stdout, page


def openstack(setup: Setup, command: str, check: bool = True) -> str:
    """What OpenStack's client prints on the controller, as the administrator; refusals, too, if not `check`."""
    return setup.ssh("controller", f"OS_CLOUD={setup.name} openstack {command} 2>&1", check=check).strip()


@dataclass(frozen=True)
class Door:
    """An instance on compute01 that has that node's floating IP. elastic: where the user finds it; port: Neutron's."""

    setup: Setup
    floating: str
    elastic: str
    port: str

    def enter(self, command: str) -> str | None:
        """What a command prints in the instance, by ssh from the user's side; None when that does not get in."""
        words = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "BatchMode=yes", "ConnectTimeout=5")
        options = [word for option in words for word in ("-o", option)]
        key = str(self.setup.directory / "ssh" / "demo")
        ssh = [*self.setup.inside, "ssh", *options, "-i", key, f"root@{self.elastic}", command]
        done = subprocess.run(ssh, capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else None


@pytest.fixture(scope="module")
def door(installed: Setup) -> Iterator[Door]:
    """The guide's commands, docs/how-to/external-networks.md."""
    for command in (
        "network create lan",
        "subnet create --network lan --use-default-subnet-pool lan",
        "router create out",
        "router set --external-gateway public out",
        "router add subnet out lan",
        "security group create door",
        "security group rule create --protocol tcp --dst-port 22 door",
        "--os-compute-api-version 2.74 server create --wait --image tiny --flavor tiny --network lan --key-name demo"
        " --security-group door --host compute01 one",
    ):
        openstack(installed, command)
    port = openstack(installed, "port list --server one -f value -c id")
    made = f"floating ip create --port {port} -f value -c floating_ip_address public"
    floating = openstack(installed, made)
    elastic = json.loads((installed.directory / "elastic_ips.json").read_text())[floating]
    yield Door(installed, floating, elastic, port)
    for command in (
        f"floating ip delete {floating}",
        "server delete --wait one",
        "router remove subnet out lan",
        "router delete out",
        "security group delete door",
        "network delete lan",
    ):
        openstack(installed, command)


def test_a_user_reaches_an_instance_by_an_elastic_ip_of_its_host(door: Door) -> None:
    assert door.floating == "192.168.99.246"
    eventually(lambda: door.enter("hostname") == "one", "the elastic IP leads to the instance")
    client = (door.enter("echo $SSH_CONNECTION") or "").split()[0]
    assert client == USER


def test_what_the_instance_sends_leaves_with_it(door: Door) -> None:
    script = "import socket; s = socket.create_server(('', 8000)); print(flush=True); print(s.accept()[1][0])"
    with subprocess.Popen(
        [*door.setup.inside, "timeout", "60", "python3", "-c", script], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        server.stdout.readline()
        door.enter(f"echo | timeout 5 nc {USER} 8000")
        assert server.stdout.read().strip() == door.elastic


def test_a_floating_ip_of_another_node_is_refused(door: Door) -> None:
    others = f"floating ip create --port {door.port} --floating-ip-address 192.168.99.254 public"
    said = openstack(door.setup, others, check=False)
    assert "floating IP 192.168.99.254 is delivered to host controller only" in said


def test_status_says_which_is_which(door: Door) -> None:
    said = door.setup.run("status")
    assert f"floating IP {door.floating} of compute01: elastic IP {door.elastic}\n" in said


def test_a_hosts_reboot_keeps_it(door: Door) -> None:
    def begun() -> str:
        """Since when the node's first process runs, once its boot is done; empty before."""
        said = door.setup.ssh("compute01", "stat -c %Z /proc/1; cloud-init status --wait", check=False)
        return said.split()[0] if "status: done" in said else ""

    before = begun()
    door.setup.ssh("compute01", "systemctl reboot", check=False)
    eventually(lambda: begun() not in ("", before), "the node is back")
    # What EC2 tells it of its interface is configured by nobody.
    assert door.floating not in door.setup.ssh("compute01", "ip -4 -oneline address")
    openstack(door.setup, "server start one", check=False)
    eventually(lambda: door.enter("hostname") == "one", "the elastic IP leads to the instance again")


def test_second_install_changes_nothing(installed: Setup) -> None:
    assert "changed=0" in installed.run("install")
