"""Paths reach ssh, which reads commands, in one piece."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
from plugins.inventory.stack import variables

NODE: dict[str, Any] = {"name": "one", "address": "192.0.2.10", "index": 0}


@pytest.mark.parametrize("name", ["a b", "it's", 'a "b"', "$x", "%h", "#1", "-dash", "\u00fc"])
def test_ssh_configuration_is_one_word(name: str) -> None:
    directory = Path("/state", name)
    words = shlex.split(variables(NODE, None, directory)["ansible_ssh_common_args"])
    assert words[:2] == ["-F", str(directory / "ssh_config")]
    assert words[2:] == ["-o", "ControlMaster=no"]
