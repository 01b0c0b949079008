"""What is kept of a stack is read again, by this version and by the next."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from romana_install import targets
from romana_install.config.settings import Config
from romana_install.state.stack import Reach, Stack, StackError
from romana_install.targets import stacks
from romana_install.targets.aws.target import Aws
from romana_install.targets.local.target import Local
from romana_install.targets.static.target import Static
from romana_install.targets.target import Target
from romana_install.targets.vagrant.target import Vagrant

ALL = [
    Local(),
    Aws("eu-west-1", "work", ["eu-west-1a"], "123456789012"),
    Vagrant("libvirt"),
    Static({"controller": Reach("192.0.2.1", "me", 2222, "/keys/mine", "gate")}, "me@bastion", "/known"),
]


def stack(directory: Path, target: Target) -> Stack:
    return Stack(directory.name, directory, Local().nodes(Config()), target, "packages", network="192.168.99.0/24")


@pytest.mark.parametrize("target", ALL, ids=lambda target: target.name)
def test_a_stack_is_read_as_it_was_written(tmp_path: Path, target: Target) -> None:
    made = stack(tmp_path, target)
    stacks.save(made)
    assert stacks.read(tmp_path) == made
    assert stacks.read(tmp_path).target == target


def test_there_is_a_case_for_each_target() -> None:
    assert {target.name for target in ALL} == set(targets.names())


@pytest.mark.parametrize("target", ALL, ids=lambda target: target.name)
def test_a_stack_of_an_earlier_version_is_read(tmp_path: Path, target: Target) -> None:
    stacks.save(stack(tmp_path, target))
    path = tmp_path / "stack.json"
    data = json.loads(path.read_text())
    kept = data.pop("target")
    servers = kept if "reach" in kept else {}
    earlier = {
        "target": kept.pop("name"),
        "cloud": {} if servers else kept,
        "reach": servers.get("reach", {}),
        "jump": servers.get("jump", ""),
        "known_hosts": servers.get("known_hosts", ""),
    }
    path.write_text(json.dumps({**data, **earlier}))
    assert stacks.read(tmp_path) == stack(tmp_path, target)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"target": {"name": "mars"}, "nodes": [], "leaving": []}'])
def test_a_damaged_file_is_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "stack.json").write_text(text)
    with pytest.raises(StackError, match=r"is damaged .*; remove it and run ./romana-setup install again"):
        stacks.read(tmp_path)
