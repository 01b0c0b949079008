"""The targets that there are, each by its name."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from romana_install import targets


@pytest.mark.parametrize("name", targets.names())
def test_a_target_is_known_without_its_programs_and_says_nothing(name: str) -> None:
    assert targets.named(name).name == name
    code = f"from romana_install import targets; targets.named({name!r})"
    environment = {**os.environ, "PATH": "/nowhere"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_the_default_comes_first() -> None:
    assert targets.names()[0] == targets.DEFAULT
    assert {targets.OF_INVENTORY, targets.OF_LOST} < set(targets.names())
