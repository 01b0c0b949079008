"""Runs pytest in the root file system of an old Neutron."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .rootfs import Rootfs

TESTS = Path(__file__).parents[1] / "inside_neutron"


@dataclass(frozen=True)
class Inside:
    """The root file system, the directories of this machine that tests need, and the variables they get."""

    system: Rootfs
    installed: Path
    server: Path
    environment: Mapping[str, str]
    mount_point: Path

    def run(self, file: str) -> subprocess.CompletedProcess[str]:
        """Run the tests of a file to their end."""
        pytest = ["python2.7", "-m", "pytest", "--quiet", "-p", "no:cacheprovider", "-c", os.devnull]
        options = ["--rootdir", str(TESTS), "--confcutdir", str(TESTS), "-W", "ignore"]
        return self.system.run(
            [*pytest, *options, str(TESTS / file)],
            {**self.environment, "PYTHONPATH": str(self.installed), "PYTHONDONTWRITEBYTECODE": "1"},
            (TESTS, self.installed, self.server),
            self.mount_point,
        )
