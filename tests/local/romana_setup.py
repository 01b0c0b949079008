"""./romana-setup as a user starts it, on a stack of its own, and this machine's network as it must be left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

PROJECT = Path(__file__).parents[2]
T = TypeVar("T")
UMASK = 0o077  # of a user who lets nobody else read anything
DEADLINE = 120.0  # seconds until something that was to happen counts as not happening


def eventually(look: Callable[[], T], what: str, deadline: float = DEADLINE) -> T:
    """The first true result of `look`, which is tried until the deadline."""
    end = time.monotonic() + deadline
    while not (result := look()):
        assert time.monotonic() < end, f"not within {deadline} s: {what}"
        time.sleep(0.1)
    return result


@dataclass
class Setup:
    """./romana-setup on one stack."""

    state: Path
    name: str
    network: str
    settings: dict[str, Any] = field(default_factory=dict)
    target: str = "local"

    @property
    def directory(self) -> Path:
        return self.state / "romana-setup" / self.name

    def address(self, number: int) -> str:
        return self.network.replace("0/24", str(number))

    def command(self, *words: str) -> list[str]:
        values = {
            "stack_name": self.name,
            "local_network": self.network,
            "openstack_engine": "none",
            **self.settings,
        }
        return [str(PROJECT / "romana-setup"), "-t", self.target, "-e", json.dumps(values), *words]

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "XDG_STATE_HOME": str(self.state)}

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*words),
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            umask=UMASK,
        )

    def run(self, *words: str, code: int = 0, answer: str = "") -> str:
        """Run an action, expect its exit code; returns what it printed on standard output. answer: what it reads."""
        done = subprocess.run(
            self.command(*words),
            env=self.environment,
            input=answer,
            start_new_session=True,  # without a terminal, on which it would ask
            capture_output=True,
            text=True,
            check=False,
            umask=UMASK,
        )
        assert done.returncode == code, f"exit {done.returncode}, not {code}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stdout + done.stderr
        return done.stdout if code == 0 else done.stdout + done.stderr

    def ssh(self, node: str, *words: str, check: bool = True) -> str:
        """Run a command on a node over the stack's ssh configuration."""
        done = subprocess.run(
            ["ssh", "-F", str(self.directory / "ssh_config"), node, *words],
            capture_output=True,
            text=True,
            check=False,
        )
        assert not check or done.returncode == 0, f"{node}: {' '.join(words)}: {done.stdout}{done.stderr}"
        return done.stdout

    def romana(self, *words: str) -> Any:
        """The answer of the romana command on the controller, from JSON."""
        return json.loads(self.ssh("controller", "romana", *words, "-f", "json"))

    def journal(self) -> list[dict[str, Any]]:
        try:
            runs: list[dict[str, Any]] = json.loads((self.directory / "journal.json").read_text())["runs"]
        except (FileNotFoundError, ValueError):
            return []
        return runs

    def verify(self) -> dict[str, Any]:
        """The report of verify, which must be good."""
        report: dict[str, Any] = json.loads(self.run("verify", "--format", "json"))
        assert report["ok"], [check for check in report["checks"] if not check["ok"]]
        return report


def machine_network() -> dict[str, str]:
    """Everything of this machine's own network that a stack must leave as it was."""
    commands: dict[str, Sequence[str]] = {
        "links": ["ip", "-d", "link"],
        "addresses": ["ip", "addr"],
        "routes": ["ip", "route", "show", "table", "all"],
        "rules": ["ip", "rule"],
        "nft": ["nft", "--stateless", "list", "ruleset"],
        "namespaces": ["ip", "netns"],
        "sysctls": ["sysctl", "--all", "--pattern", "^net\\."],
    }
    return {
        name: subprocess.run(command, capture_output=True, text=True, check=True).stdout
        for name, command in commands.items()
    }


def kill(process: subprocess.Popen[str]) -> None:
    """End a process with SIGKILL and take its status."""
    process.send_signal(signal.SIGKILL)
    process.wait()
