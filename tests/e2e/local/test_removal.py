"""What is still there is not said to be removed, whatever kept Ansible from its work, and is not forgotten."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from romana_setup import Setup

from romana_install.targets import stacks

STACK = ("gone", "192.168.210.0/24")
SWITCH = "gone-switch"
NOBODY = 65534


@pytest.fixture
def half_made(stack_here: Setup) -> Iterator[Setup]:
    """A stack of which there are notes, the switch, and a node that never ran."""
    here = stack_here
    nodes = [{"name": "controller", "address": here.address(10), "index": 0, "controller": True, "compute": True}]
    (here.directory / "nodes" / "controller").mkdir(parents=True, exist_ok=True)
    (here.directory / "stack.json").write_text(json.dumps({"name": here.name, "nodes": nodes, "leaving": []}))
    (here.directory / "secrets.json").write_text("{}")
    subprocess.run(["ip", "netns", "add", SWITCH], check=True)
    yield here
    subprocess.run(["ip", "netns", "del", SWITCH], check=False, capture_output=True)


def kept(stack: Setup) -> bool:
    return Path("/run/netns", SWITCH).exists() and (stack.directory / "secrets.json").exists()


@pytest.mark.parametrize(
    "options", [["--tags", "web"], ["--skip-tags", "all"], ["--limit", "nobody"], ["--start-at-task", "x"]]
)
def test_options_that_keep_ansible_from_it_end_in_failure_with_everything_kept(
    half_made: Setup, options: list[str]
) -> None:
    said = half_made.run("uninstall", "--yes", "--", *options, code=1)
    assert "is removed" not in said
    assert kept(half_made)
    assert "resume  " in said
    if options[0] in ("--tags", "--skip-tags"):  # Ansible itself complains of the others
        assert f"the network namespace {SWITCH} is there" in said
        assert said.splitlines()[-1].endswith("uninstall --yes")


def test_check_mode_says_what_would_change_and_keeps_everything(half_made: Setup) -> None:
    before = {path: path.read_bytes() for path in half_made.directory.glob("*.json") if path.name != "journal.json"}
    assert "would have changed=1" in half_made.run("uninstall", "--", "--check")
    assert kept(half_made)
    assert {path: path.read_bytes() for path in before} == before


def test_it_is_removed_once_it_is_seen_to_be(half_made: Setup) -> None:
    assert "is removed" in half_made.run("uninstall", "--yes")
    assert not Path("/run/netns", SWITCH).exists()
    assert not half_made.directory.exists()


@pytest.mark.usefixtures("half_made")
def test_a_user_is_told_that_the_stack_is_roots(capfd: pytest.CaptureFixture[str]) -> None:
    child = os.fork()
    if not child:
        os.setuid(NOBODY)
        os.write(1, stacks.of_another(STACK[0]).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert capfd.readouterr().out.startswith("root has a local one of that name on this machine; put sudo before")
