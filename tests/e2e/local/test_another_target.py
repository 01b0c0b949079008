"""A target that we do not have: one folder and one pair of playbooks make it, and nothing else knows its name."""

from __future__ import annotations

import json
from collections.abc import Iterator

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


def add_target(world: World) -> None:
    """Let our checkout have the target, too, in the world alone: by a layer over it, as .venv knows its place."""
    files, scratch = world.directory / "files", world.directory / "scratch"
    folder = files / "romana-install" / "src" / "romana_install" / "targets" / "toy"
    for directory in (folder, files / "playbooks", scratch):
        directory.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "target.py").write_text(TARGET)
    for name in PLAYBOOKS:
        play = {"name": "Machines", "ansible.builtin.import_playbook": f"{name}_local.yml"}
        (files / "playbooks" / f"{name}_toy.yml").write_text(json.dumps([play]))
    layers = f"lowerdir={PROJECT},upperdir={files},workdir={scratch}"
    world.run("mount", "-t", "overlay", "-o", layers, "overlay", str(PROJECT))


@pytest.fixture
def setup() -> Iterator[Setup]:
    fetch()
    settings = {"local_network": NETWORK, "devstack_compute_node": 0}
    with World(PLACE / "local" / NAME) as world, world.network():
        add_target(world)
        made = Setup(world.directory / "state", NAME, "", settings, target="toy", world=world)
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
