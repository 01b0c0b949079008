"""What several runs share: one changes it at a time, and who waits can say for whom."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from plugins.module_utils.lock import alone


def test_second_one_waits_for_the_first_and_knows_its_process(tmp_path: Path) -> None:
    path = tmp_path / "made" / "lock"
    begun, begin = os.pipe()
    ended, end = os.pipe()
    child = os.fork()
    if not child:
        os.close(end)
        with alone(path):
            os.write(begin, b"!")
            os.read(ended, 1)
            os._exit(0)
    os.read(begun, 1)
    told = []

    def waiting(holder: str) -> None:
        told.append(holder)
        os.close(end)  # now the first one goes

    with alone(path, waiting):
        assert told == [f"process {child}"]
    os.waitpid(child, 0)


def test_lock_goes_with_its_holder(tmp_path: Path) -> None:
    for _ in range(2):
        with alone(tmp_path / "lock", pytest.fail):
            pass
    with alone(tmp_path / "lock"):
        child = subprocess.Popen(["sleep", "60"])  # inherits nothing
    with alone(tmp_path / "lock", pytest.fail):
        child.kill()
        child.wait()
