"""The role that chooses what runs guests, on this machine: as its processor is, and as a user wants it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PLAY = """
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - import_role: {name: romana.openstack.hypervisor}
    - copy: {content: "{{ hypervisor_kind }}", dest: "{{ chosen }}"}
"""


def choose(collections: Path, tmp_path: Path, wanted: str) -> subprocess.CompletedProcess[str]:
    """Run the role; what it chose is in the file `chosen`."""
    (tmp_path / "play.yml").write_text(PLAY)
    values = {
        "hypervisor_wanted": wanted,
        "chosen": str(tmp_path / "chosen"),
        "ansible_python_interpreter": sys.executable,
    }
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(collections), "ANSIBLE_LOCALHOST_WARNING": "False"}
    return subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "play.yml", "-e", json.dumps(values)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def works(collections: Path) -> bool:
    """What the module says of this machine."""
    program = [sys.executable, "-m", "ansible_collections.romana.openstack.plugins.modules.kvm_info"]
    environment = {**os.environ, "PYTHONPATH": str(collections)}
    given = json.dumps({"ANSIBLE_MODULE_ARGS": {}})
    done = subprocess.run(program, input=given, env=environment, capture_output=True, text=True, check=True)
    return bool(json.loads(done.stdout)["works"])


def test_processor_is_chosen_where_a_guest_runs_by_it(collections: Path, tmp_path: Path, works: bool) -> None:
    done = choose(collections, tmp_path, "")
    kind = "kvm" if works else "qemu"
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "chosen").read_text() == kind
    assert f"instances are run by {kind}: " in done.stdout


def test_wanted_kind_stays(collections: Path, tmp_path: Path) -> None:
    done = choose(collections, tmp_path, "qemu")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "chosen").read_text() == "qemu"
    assert "instances are run by qemu: openstack_virt_type says so" in done.stdout


def test_processor_is_refused_where_no_guest_runs_by_it(collections: Path, tmp_path: Path, works: bool) -> None:
    done = choose(collections, tmp_path, "kvm")
    assert (done.returncode == 0) == works
    assert ("openstack_virt_type is kvm, but KVM runs no guest here" in done.stdout) != works
