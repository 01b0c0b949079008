"""./romana-setup as a user starts it, on a stack of its own, on this machine or in a world."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from waiting import eventually as eventually
from world import World, children

PROJECT = Path(__file__).parents[2]
UMASK = 0o077  # of a user who lets nobody else read anything
TRACES = 80  # lines of a log that are shown when a run fails


@dataclass
class Setup:
    """./romana-setup on one stack.

    Args:
        state: where it keeps states.
        name: the stack's.
        network: of the nodes, ending in 0/24; none on servers, which have theirs.
        settings: what it is told by -e.
        target: where nodes are.
        world: where it is started; none: on this machine.
    """

    state: Path
    name: str
    network: str
    settings: dict[str, Any] = field(default_factory=dict)
    target: str = "local"
    world: World | None = None

    @property
    def directory(self) -> Path:
        return self.state / "romana-setup" / self.name

    def address(self, number: int) -> str:
        return self.network.replace("0/24", str(number))

    def command(self, *words: str) -> list[str]:
        network = {f"{self.target}_network": self.network} if self.network else {}
        values = {"stack_name": self.name, "openstack_engine": "none", **network, **self.settings}
        return [*self.inside, str(PROJECT / "romana-setup"), "-t", self.target, "-e", json.dumps(values), *words]

    @property
    def inside(self) -> list[str]:
        """What begins a command that runs where the stack is."""
        return self.world.inside if self.world else []

    @property
    def environment(self) -> dict[str, str]:
        return {**(self.world.environment if self.world else os.environ), "XDG_STATE_HOME": str(self.state)}

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*words),
            env=self.environment,
            cwd="/",
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
            cwd="/",
            input=answer,
            start_new_session=True,  # without a terminal, on which it would ask
            capture_output=True,
            text=True,
            check=False,
            umask=UMASK,
        )
        said = f"exit {done.returncode}, not {code}\n{done.stdout}\n{done.stderr}"
        assert done.returncode == code, said + self._traces()
        assert "Traceback" not in done.stdout + done.stderr
        return done.stdout if code == 0 else done.stdout + done.stderr

    def _traces(self) -> str:
        """What else there is to be read once a run has failed; what made the stack is going to remove it."""
        logs = sorted((self.directory / "logs").glob("*.log"))
        log = logs[-1].read_text().splitlines()[-TRACES:] if logs else []
        journal = ("journalctl", "--no-pager", "--priority=warning", f"--lines={TRACES}")
        node = self.ssh("controller", *journal, check=False) if (self.directory / "ssh_config").exists() else ""
        return "\n".join(["", *log, node])

    def ssh(self, node: str, *words: str, check: bool = True) -> str:
        """Run a command on a node over the stack's ssh configuration."""
        done = subprocess.run(
            [*self.inside, "ssh", "-F", str(self.directory / "ssh_config"), node, *words],
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

    def verify(self, *options: str) -> dict[str, Any]:
        """The report of verify, which must be good."""
        report: dict[str, Any] = json.loads(self.run("verify", "--format", "json", *options))
        assert report["ok"], [check for check in report["checks"] if not check["ok"]]
        return report


def kill(process: subprocess.Popen[str]) -> None:
    """End romana-setup with SIGKILL and take its status. In a world it is a child of what entered that."""
    for pid in children(process.pid) if process.args[0] == "nsenter" else [process.pid]:  # type: ignore[index]
        os.kill(pid, signal.SIGKILL)
    process.wait()
