"""The life of a stack on AWS, from the first call to what is left at the end, on machines. Steps, in this order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fabric import METADATA, USER
from live_cloud import LiveCloud
from romana_setup import Setup
from traffic import Lab, lab

pytestmark = pytest.mark.long("it installs, adds, removes, stops and starts machines that boot with cloud-init")
NAME = "live"


@dataclass(frozen=True)
class Live:
    """An AWS, and the stack on it."""

    cloud: LiveCloud
    setup: Setup

    def identity(self, node: str) -> str:
        """The instance that a node is."""
        return str(self.cloud.instances()[node]["InstanceId"])

    def public(self, node: str) -> str:
        """The public address that a node has now."""
        return str(self.cloud.instances()[node]["PublicIpAddress"])

    def install(self, computes: int) -> str:
        """Have the stack with so many compute nodes."""
        self.setup.settings["devstack_compute_node"] = computes
        return self.setup.run("install")


@pytest.fixture(scope="module")
def live(live_place: Path) -> Iterator[Live]:
    with LiveCloud(live_place / NAME) as cloud, cloud.world.network():
        yield Live(cloud, cloud.setup(NAME))


@pytest.fixture(scope="module")
def installed(live: Live) -> Live:
    """The stack with a controller and a compute node."""
    live.install(1)
    return live


@pytest.fixture
def endpoints(installed: Live) -> Iterator[Lab]:
    with lab(installed.setup) as made:
        yield made


def test_install_makes_machines_whose_endpoints_reach_each_other(installed: Live) -> None:
    assert {answer["observed"] for answer in installed.setup.verify()["matrix"]} == {"reachable", "unreachable"}


@pytest.mark.parametrize("node", ["controller", "compute01"])
def test_cloud_init_has_made_a_machine_what_it_was_told(installed: Live, node: str) -> None:
    said = installed.setup.ssh(node, "id -un; hostname; cloud-init status --format json")
    user, name, *status = said.splitlines()
    assert (user, name) == ("root", node)
    assert '"status": "done"' in "".join(status)
    assert "DataSourceEc2" in "".join(status)


def test_second_install_changes_nothing(installed: Live) -> None:
    assert "changed=0" in installed.install(1)


def test_an_endpoint_that_may_leave_does_so_and_is_not_told_what_its_host_is(installed: Live, endpoints: Lab) -> None:
    everywhere = ("policy", "create", "out", "--from", "admin/s1", "--to", "0.0.0.0/0")
    installed.setup.romana(*everywhere)
    guest = endpoints.endpoint("compute01")
    targets = [{"to": address, "protocol": "icmp"} for address in (USER, METADATA)]
    request = endpoints.session("compute01").send("reach", probe=guest.id, targets=targets, timeout=5)
    outcomes = [result["outcome"] for result in request.result(30)]
    installed.setup.ssh("controller", "romana policy delete out")
    assert outcomes == ["reply", "timeout"]


def test_a_compute_node_is_added_and_removed(installed: Live) -> None:
    kept = installed.identity("compute01")
    installed.install(2)
    assert sorted(installed.cloud.instances()) == ["compute01", "compute02", "controller"]
    assert installed.setup.verify()
    installed.install(1)
    assert installed.identity("compute01") == kept
    assert sorted(installed.cloud.machines()) == sorted([kept, installed.identity("controller")])


def test_nodes_that_were_stopped_are_said_to_be_and_found_again(installed: Live) -> None:
    nodes = {name: installed.identity(name) for name in ("controller", "compute01")}
    before = {name: installed.public(name) for name in nodes}
    for node in nodes.values():
        installed.cloud.ask("stop_instances", InstanceIds=[node])
    for node in nodes.values():
        installed.cloud.await_state(node, "stopped")
    said = installed.setup.run("status", code=1)
    because = "(Client.UserInitiatedShutdown: User initiated shutdown)"
    assert f"compute01 is stopped {because}; have it started with: ./romana-setup" in said
    assert "FAIL  health" in installed.setup.run("verify", code=4)
    installed.install(1)
    assert not set(before.values()) & {installed.public(name) for name in nodes}
    assert installed.setup.verify()


def test_a_node_that_was_terminated_is_made_again(installed: Live) -> None:
    node = installed.identity("compute01")
    installed.cloud.ask("terminate_instances", InstanceIds=[node])
    installed.cloud.await_state(node, "terminated")
    assert "compute01 has no instance any more" in installed.setup.run("status", code=1)
    installed.install(1)
    assert installed.identity("compute01") != node
    assert installed.setup.verify()


def test_uninstall_leaves_nothing(installed: Live) -> None:
    installed.setup.run("uninstall", "--yes")
    assert installed.cloud.leftovers() == {}
    assert installed.cloud.machines() == []
    assert not installed.setup.directory.exists()
