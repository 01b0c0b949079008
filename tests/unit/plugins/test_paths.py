"""Paths reach Ansible and Mitogen, which read commands, in one piece."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from plugins.inventory.stack import variables

PROJECT = Path(__file__).parents[3]
NODE: dict[str, Any] = {"name": "one", "address": "192.0.2.10", "index": 0}


@pytest.mark.parametrize("name", ["a b", "it's", 'a "b"', "$x", "%h", "#1", "-dash", "\u00fc"])
def test_ssh_configuration_is_one_word(name: str) -> None:
    directory = Path("/state", name)
    words = shlex.split(variables(NODE, None, directory)["ansible_ssh_common_args"])
    assert words == ["-F", str(directory / "ssh_config")]


def test_python_of_the_clone_is_one_word_in_every_playbook() -> None:
    lines = [
        line.strip()
        for path in (PROJECT / "playbooks").rglob("*.yml")
        for line in path.read_text().splitlines()
        if "ansible_playbook_python" in line
    ]
    assert lines
    assert [line for line in lines if not re.search(r"ansible_playbook_python \| quote \}\}", line)] == []
