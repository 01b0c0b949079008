"""A world for Vagrant: /etc, /var, /run, processes and network of its own, without a way out; and romana-setup in it.

When its first process ends, all that it holds is gone: machines, networks, mounts. And that ends when the tests do.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import box

PROJECT = Path(__file__).parents[2]
HERE = Path(__file__).parent
PR_SET_PDEATHSIG = 1
DEADLINE = 120.0  # seconds until something that was to happen counts as not happening
T = TypeVar("T")


def eventually(look: Callable[[], T], what: str) -> T:
    """The first true result of `look`, which is tried until the deadline."""
    end = time.monotonic() + DEADLINE
    while not (result := look()):
        assert time.monotonic() < end, f"not within {DEADLINE} s: {what}"
        time.sleep(0.1)
    return result


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class World:
    """The world. Use it as a context."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.variables: dict[str, str] = {}
        self.first: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> World:
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "ready").unlink(missing_ok=True)
        own = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        command = ["unshare", *own, sys.executable, str(HERE / "init.py"), str(self.directory)]
        self.first = subprocess.Popen(command, preexec_fn=_die_with_parent)
        eventually((self.directory / "ready").exists, "the world is there")
        return self

    def __exit__(self, *_: object) -> None:
        if self.first:
            self.first.kill()
            self.first.wait()
        shutil.rmtree(self.directory)

    @property
    def inside(self) -> list[str]:
        """What begins a command that runs in it."""
        assert self.first is not None
        children = Path(f"/proc/{self.first.pid}/task/{self.first.pid}/children").read_text().split()
        return ["nsenter", f"--target={children[0]}", "--net", "--mount", "--pid"]

    @property
    def environment(self) -> dict[str, str]:
        quiet = {"VAGRANT_CHECKPOINT_DISABLE": "1"}
        return {**os.environ, **quiet, **self.variables, "VAGRANT_HOME": str(self.directory / "vagrant")}

    def start(self, *command: str, **environment: str) -> subprocess.Popen[str]:
        """Start a program in it."""
        return subprocess.Popen(
            [*self.inside, *command],
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd="/",
        )

    def run(self, *command: str, code: int = 0, **environment: str) -> str:
        """Run a program in it to its end, expect its exit code; returns what it printed."""
        process = self.start(*command, **environment)
        output, _ = process.communicate()
        assert process.returncode == code, f"exit {process.returncode}, not {code}: {command}\n{output}"
        return output

    def start_libvirt(self) -> None:
        """Have libvirt run in it."""
        with (self.directory / "libvirtd.log").open("wb") as log:
            subprocess.Popen([*self.inside, "libvirtd"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        ask = [*self.inside, "virsh", "--connect", "qemu:///system", "list"]
        eventually(lambda: subprocess.run(ask, capture_output=True, check=False).returncode == 0, "libvirt answers")

    def virsh(self, *words: str) -> str:
        """What libvirt answers."""
        return self.run("virsh", "--connect", "qemu:///system", *words)

    def add_box(self, provider: str) -> None:
        """Let Vagrant have the box of these tests."""
        archive, parts = self.directory / "tests.box", self.directory / "box"
        parts.mkdir()
        for part in box.built().iterdir():
            (parts / part.name).symlink_to(part)
        if provider != box.PROVIDER:
            (parts / "metadata.json").unlink()
            (parts / "metadata.json").write_text(json.dumps({"provider": provider}))
            (parts / "box.ovf").touch()
        command = ["tar", "--create", "--dereference", f"--file={archive}", f"--directory={parts}", "."]
        subprocess.run(command, check=True)
        self.run("vagrant", "box", "add", "--name", box.NAME, str(archive))
        archive.unlink()
        shutil.rmtree(parts)


@dataclass
class Setup:
    """./romana-setup on one stack in a world."""

    world: World
    name: str
    network: str
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def state(self) -> Path:
        return self.world.directory / "state"

    @property
    def directory(self) -> Path:
        return self.state / "romana-setup" / self.name

    def address(self, number: int) -> str:
        return self.network.replace("0/24", str(number))

    def command(self, *words: str) -> list[str]:
        values = {
            "stack_name": self.name,
            "vagrant_network": self.network,
            "openstack_engine": "none",
            "vagrant_box": box.NAME,
            "local_debian_release": box.RELEASE,
            **self.settings,
        }
        return [str(PROJECT / "romana-setup"), "-t", "vagrant", "-e", json.dumps(values), *words]

    def start(self, *words: str) -> subprocess.Popen[str]:
        return self.world.start(*self.command(*words), XDG_STATE_HOME=str(self.state))

    def run(self, *words: str, code: int = 0) -> str:
        """Run an action, expect its exit code; returns what it printed."""
        output = self.world.run(*self.command(*words), code=code, XDG_STATE_HOME=str(self.state))
        assert "Traceback" not in output
        assert "CalledProcessError" not in output
        return output

    def vagrant(self, *words: str) -> str:
        """What Vagrant says in the stack's directory."""
        return self.world.run("env", f"--chdir={self.directory}", "vagrant", *words)

    def ssh(self, node: str, command: str) -> str:
        """Run a command on a node over the stack's ssh configuration."""
        return self.world.run("ssh", "-F", str(self.directory / "ssh_config"), node, command)

    def verify(self) -> dict[str, Any]:
        """The report of verify, which must be good."""
        report: dict[str, Any] = json.loads(self.run("verify", "--format", "json"))
        assert report["ok"], [check for check in report["checks"] if not check["ok"]]
        return report
