"""The life of a stack on real machines, by libvirt and qemu. The tests of this file are steps, in this order.

It begins with one machine and gets the other later: an emulated processor takes a minute and more to boot each.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from vagrant_world import VagrantSetup

MINE = '\nVagrant.configure("2") { |config| config.vm.post_up_message = "this is mine" }\n'


@pytest.fixture(scope="module")
def installed(stack: VagrantSetup) -> VagrantSetup:
    """The stack, which is one machine at first."""
    if not (stack.directory / "secrets.json").exists():
        stack.run("install")
    return stack


def test_check_mode_from_nothing_makes_nothing(stack: VagrantSetup) -> None:
    stack.run("install", "--", "--check", "--diff")
    assert not (stack.directory / "Vagrantfile").exists()


def test_install_says_what_it_made_and_how_to_go_on(stack: VagrantSetup) -> None:
    output = stack.run("install")
    for expected in (stack.address(10), "vagrant ssh controller", f"cd {stack.directory}"):
        assert expected in output


@pytest.mark.long("what is this target's own has nothing to change in every run")
def test_second_install_changes_nothing(installed: VagrantSetup) -> None:
    assert "changed=0" in installed.run("install")


@pytest.mark.long("what is this target's own has nothing to change in every run")
def test_check_mode_on_a_running_stack_changes_nothing(installed: VagrantSetup) -> None:
    assert "changed=0" in installed.run("install", "--", "--check")


def test_machines_that_are_there_stay_as_they_are(installed: VagrantSetup) -> None:
    assert "changed=0" in installed.run("provision")


def test_vagrant_works_in_the_stacks_directory(installed: VagrantSetup) -> None:
    assert "successfully" in installed.vagrant("validate")
    assert installed.vagrant("status").count("running (libvirt)") == 1
    assert installed.vagrant("ssh", "controller", "--command", "hostname").strip() == "controller"


def test_status_is_well(installed: VagrantSetup) -> None:
    assert json.loads(installed.run("status", "--format", "json"))["ok"]


@pytest.mark.long("boots another emulated machine; `local` adds nodes in every run")
def test_scaling_out_leaves_the_others_and_the_users_part_alone(installed: VagrantSetup) -> None:
    def boot() -> str:
        return installed.ssh("controller", "cat /proc/sys/kernel/random/boot_id")

    vagrantfile, before = installed.directory / "Vagrantfile", boot()
    vagrantfile.write_text(vagrantfile.read_text() + MINE)
    installed.settings["devstack_compute_node"] = 1
    assert installed.address(11) in installed.run("install", "--quick")
    assert boot() == before
    assert installed.ssh("compute01", "hostname").strip() == "compute01"
    assert vagrantfile.read_text().endswith(MINE)


@pytest.mark.long("needs the machine that scaling out makes")
def test_nodes_know_each_other_by_name(installed: VagrantSetup) -> None:
    assert installed.address(11) in installed.ssh("controller", "getent hosts compute01")


@pytest.mark.long("boots the machines again")
def test_a_snapshot_brings_a_broken_network_back(installed: VagrantSetup) -> None:
    installed.run("snapshot", "save", "good")
    assert "already" in installed.run("snapshot", "save", "good", code=1)
    installed.ssh(
        "compute01", "systemctl disable --now --quiet romana-agent; ip route del 10.0.0.0/16; ip link del romana-gw"
    )
    installed.run("verify", "--quick", code=4)
    installed.run("snapshot", "restore", "good")
    installed.run("verify", "--quick")


@pytest.mark.long("needs the snapshot")
def test_an_unknown_snapshot_is_refused(installed: VagrantSetup) -> None:
    assert "there are: good" in installed.run("snapshot", "restore", "other", code=1)


@pytest.mark.long("needs the machine that scaling out makes")
def test_a_node_that_leaves_is_removed(installed: VagrantSetup) -> None:
    installed.settings["devstack_compute_node"] = 0
    installed.run("install", "--quick")
    assert "compute01" not in installed.world.virsh("list", "--all", "--name")
    assert "compute01" not in (installed.directory / "Vagrantfile").read_text()


def test_uninstall_removes_everything(installed: VagrantSetup) -> None:
    assert installed.remains()
    installed.run("uninstall", code=2)  # nobody to ask
    installed.run("uninstall", "--yes")
    assert installed.remains() == {}
    assert not installed.directory.exists()
    assert not list(Path("/sys/class/net").glob("virbr*"))  # and nothing has come out of the world
    installed.run("uninstall", "--yes")  # nothing there: said, and no error
