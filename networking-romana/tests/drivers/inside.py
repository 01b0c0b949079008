"""Runs pytest in Neutron's virtualenv."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PROGRAM = "each_file.py"


@dataclass(frozen=True)
class Done:
    """The tests of a file that have ended."""

    status: int
    output: str


class Inside:
    """Where Neutron's Python and the tests are, and a process that runs them until `close`.

    Args:
        python: that of Neutron's virtualenv.
        tests: the directory of the tests.
        environment: the variables that the tests get.
    """

    def __init__(self, python: Path, tests: Path, environment: Mapping[str, str]) -> None:
        self.python = python
        self._process = subprocess.Popen(
            [python, "-P", "-W", "ignore", tests / PROGRAM],
            # neutron-api runs under uwsgi, without eventlet's patches; this tells Neutron's tests that they are made.
            env={**environment, "EVENTLET_MONKEYPATCH": "1"},
            cwd=tests,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, file: str) -> Done:
        """Run the tests of a file to their end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(file, file=self._process.stdin, flush=True)
        said = self._process.stdout.readline()
        assert said, f"{PROGRAM} has ended: {self._process.wait()}"
        return Done(**json.loads(said))

    def close(self) -> None:
        """End the process."""
        self._process.communicate()
