"""Runs pytest in Neutron's virtualenv."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Inside:
    """Where Neutron's Python and the tests are, and the variables that the tests get."""

    python: Path
    tests: Path
    environment: Mapping[str, str]

    def run(self, file: str) -> subprocess.CompletedProcess[str]:
        """Run the tests of a file to their end."""
        # neutron-api runs under uwsgi, without eventlet's patches; this tells Neutron's tests that it is done already.
        environment = {**self.environment, "EVENTLET_MONKEYPATCH": "1"}
        return subprocess.run(
            [
                *(self.python, "-m", "pytest", "--quiet", "--import-mode=importlib", "-p", "no:cacheprovider"),
                *("-c", os.devnull, "--rootdir", self.tests, "--confcutdir", self.tests),
                *("-W", "ignore", "-W", "error::pytest.PytestUnraisableExceptionWarning", self.tests / file),
            ],
            env=environment,
            cwd=self.tests,
            capture_output=True,
            text=True,
            check=False,
        )
