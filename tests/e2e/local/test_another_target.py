"""A target that we do not have: one folder and one pair of playbooks make it, and nothing else knows its name."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from machine_network import machine_network
from places import PLACE
from romana_setup import PROJECT, Setup
from world import World

from .conftest import fetch

NAME, NETWORK = "another", "192.168.209.0/24"
TARGET = """
from romana_install.targets.local.target import Local


class Toy(Local):
    name = "toy"
    ready = ", and so is the toy"


TARGET = Toy
"""
PLAYBOOKS = ("provision", "uninstall")


def copied(directory: Path) -> Path:
    """A checkout that has the target, too."""
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, tracked.split("\0")):
        if (PROJECT / name).is_file():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, directory / name)
    folder = directory / "romana-install" / "src" / "romana_install" / "targets" / "toy"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "target.py").write_text(TARGET)
    for name in PLAYBOOKS:
        play = {"name": "Machines", "ansible.builtin.import_playbook": f"{name}_local.yml"}
        (directory / "playbooks" / f"{name}_toy.yml").write_text(json.dumps([play]))
    # In the world there is nobody who has what its .venv is made of.
    subprocess.run([directory / "romana-setup", "--version"], cwd="/", check=True, capture_output=True)
    return directory


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[Setup]:
    project = copied(tmp_path / "project")
    fetch()
    settings = {"local_network": NETWORK, "devstack_compute_node": 0}
    with World(PLACE / "local" / NAME) as world, world.network():
        made = Setup(world.directory / "state", NAME, "", settings, target="toy", world=world, project=project)
        try:
            yield made
        finally:
            if made.directory.exists():
                made.run("uninstall", "--yes")  # cgroups outlive the world


def test_a_new_target_is_one_folder(setup: Setup) -> None:
    before = machine_network(setup.inside)
    assert json.loads(setup.run("plan", "--format", "json"))["target"] == "toy"
    assert "this machine is ready, and so is the toy" in setup.run("check")
    assert "Stack another is ready" in setup.run("install")
    assert json.loads((setup.directory / "stack.json").read_text())["target"] == {"name": "toy"}
    assert "changed=0" in setup.run("install", "--quick")
    assert "on toy" in setup.run("status")
    assert "stack another is removed" in setup.run("uninstall", "--yes")
    assert machine_network(setup.inside) == before
