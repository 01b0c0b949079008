"""The provider VirtualBox, with a VBoxManage of our own, and what goes wrong with it. Steps, in this order.

That VirtualBox itself takes each option of the Vagrantfile, these tests cannot tell.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from vagrant_world import VagrantSetup, VagrantWorld

NETWORK = "192.168.98.0/24"
NETWORKS_FILE = "/etc/vbox/networks.conf"
PROGRAM = Path(__file__).with_name("VBoxManage")


@pytest.fixture(scope="module")
def virtualbox(world: VagrantWorld) -> Path:
    """What our VBoxManage knows; it is not yet on the path."""
    directory = world.directory / "virtualbox"
    directory.mkdir()
    (world.directory / "bin").mkdir()
    world.variables["PATH"] = f"{world.directory}/bin:{world.environment['PATH']}"
    return directory


@pytest.fixture(scope="module")
def lab(world: VagrantWorld, virtualbox: Path) -> VagrantSetup:
    """A stack of one node."""
    assert virtualbox.exists()
    settings = {"vagrant_controller_memory": 768, "vagrant_controller_cpus": 1, "devstack_compute_node": 0}
    return VagrantSetup(world, "box", NETWORK, settings)


@contextmanager
def injected(file: Path, text: str = "") -> Iterator[None]:
    """Something that is wrong meanwhile."""
    file.write_text(text)
    try:
        yield
    finally:
        file.unlink()


def findings(stack: VagrantSetup) -> dict[str, str]:
    """All that `check` finds."""
    report = json.loads(stack.run("check", "--format", "json", code=3))
    return {finding["where"]: finding["text"] for finding in report["findings"]}


def test_a_missing_provider_and_a_missing_box_are_found_at_once(lab: VagrantSetup) -> None:
    found = findings(lab)
    assert "-e vagrant_provider=libvirt" in found["vagrant_provider"]
    assert "vagrant box add --name romana/tests" in found["box romana/tests"]


def test_what_virtualbox_would_refuse_is_found_at_once(lab: VagrantSetup, virtualbox: Path) -> None:
    (lab.world.directory / "bin" / "VBoxManage").symlink_to(PROGRAM)
    theirs = {"name": "romana-box-controller", "nics": {}, "forward": {}, "box": ""}
    known = json.dumps({"machines": {"7": theirs}, "interfaces": {}})
    with injected(virtualbox / "no-vt-x"), injected(virtualbox / "machines.json", known):
        found = findings(lab)
    assert f"add the line `* {NETWORK}`" in found[NETWORKS_FILE]
    assert "VT-x" in found["processor"]
    assert "VBoxManage unregistervm romana-box-controller" in found["machine romana-box-controller"]


def test_nothing_is_found_when_all_fixes_are_done(lab: VagrantSetup) -> None:
    lab.world.run("sh", "-c", f"mkdir -p /etc/vbox && echo '* {NETWORK}' > {NETWORKS_FILE}")
    lab.world.add_box("virtualbox")
    assert "ready" in lab.run("check")


@pytest.mark.parametrize(
    ("subcommand", "says", "sentence"),
    [
        ("import", "VBoxManage: error: VERR_DISK_FULL", "the disk is full; make room"),
        ("startvm", "VBoxManage: error: VT-x is disabled in the BIOS (VERR_VMX_MSR_ALL_VMX_DISABLED)", "turn on VT-x"),
    ],
)
def test_a_failure_is_one_sentence_with_the_log(
    lab: VagrantSetup, virtualbox: Path, subcommand: str, says: str, sentence: str
) -> None:
    with injected(virtualbox / f"fail-{subcommand}", says):
        output = lab.run("provision", code=1)
    (cause,) = [line for line in output.splitlines() if line.startswith("  cause")]
    assert sentence in cause
    assert f"its log: {lab.directory}/logs/vagrant.log" in cause
    assert says in (lab.directory / "logs" / "vagrant.log").read_text()


def test_the_vagrantfile_is_valid(lab: VagrantSetup) -> None:
    assert "successfully" in lab.vagrant("validate")


@pytest.mark.long("waits for a machine that does not come")
def test_a_machine_that_never_boots_is_said_to_be_half_made(lab: VagrantSetup, virtualbox: Path) -> None:
    lab.settings["vagrant_boot_timeout"] = 30
    with injected(virtualbox / "hang"):
        output = lab.run("provision", code=1)
    assert "has not answered by ssh in time" in output
    assert "half made: controller" in output


@pytest.mark.long("boots another emulated machine; test_stack.py boots one by libvirt in every run")
def test_the_next_run_makes_it_again_once_the_cause_is_gone(lab: VagrantSetup) -> None:
    lab.settings["vagrant_boot_timeout"] = 900
    lab.run("provision")
    assert lab.ssh("controller", "hostname").strip() == "controller"
    assert "changed=0" in lab.run("provision")


def test_uninstall_removes_the_machine(lab: VagrantSetup, virtualbox: Path) -> None:
    lab.run("uninstall", "--yes")
    assert json.loads((virtualbox / "machines.json").read_text())["machines"] == {}
    assert not lab.directory.exists()
