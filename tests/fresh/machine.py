"""A machine as somebody has it: a container with systemd, a network of its own, and no way out but to what is public.

Its root is a plain directory of this machine: what is installed in it makes containers itself, and their layers of
writes cannot lie on an overlay. It is in memory, as it is gone soon, with some hundred thousand files: on an ext4
without a journal, whoever makes files in the next minutes would look at each inode of those that were removed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from system_image import System, build
from uplink import let_out, resolvers, trust
from waiting import eventually

PROJECT = Path(__file__).parents[2]
CGROUP_FILES = ("systemd/cgroup.procs", "unified/cgroup.controllers", "cgroup.controllers")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def run(*command: str | Path, check: bool = True) -> str:
    """What a program of this machine prints. Asserts that it succeeds, unless told not to."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@dataclass
class Machine:
    """One such machine. number: its network is 192.168.<number>.0/24, this machine .254 there.

    cache: a directory of this machine that it has as root's cache.
    """

    system: System
    number: int
    directory: Path
    cache: Path

    @property
    def name(self) -> str:
        """The container's, and of all that belongs to it here."""
        return f"fresh-{self.system.name}"

    @property
    def root(self) -> Path:
        """The directory that is / there."""
        return self.directory / "root"

    @property
    def uplink(self) -> str:
        """This machine's interface towards it."""
        return f"fr-{self.system.name}"

    def make(self) -> None:
        """Make it and wait until it has booted."""
        for directory in (self.directory, self.cache):
            directory.mkdir(parents=True, exist_ok=True)
        run("mount", "-t", "tmpfs", self.name, self.directory)
        build(self.system, self.root)
        self._fill()
        self._connect()
        self._boot()

    def remove(self) -> None:
        """End it and remove all of it, also what one of a killed run has left."""
        for pid in run("ip", "netns", "pids", self.name, check=False).split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        eventually(lambda: not run("ip", "netns", "pids", self.name, check=False).strip(), "its processes end")
        self._let_out("absent")
        run("ip", "link", "del", self.uplink, check=False)
        run("ip", "netns", "del", self.name, check=False)
        for cgroup in self._cgroups():
            for path, _, _ in os.walk(cgroup, topdown=False):
                with contextlib.suppress(OSError):
                    Path(path).rmdir()
        while self.directory.is_mount():
            run("umount", "--lazy", self.directory)
        shutil.rmtree(self.directory, ignore_errors=True)

    def inside(self, *command: str, user: str = "root", environment: Mapping[str, str] | None = None) -> list[str]:
        """The command that runs another there, with nothing of this machine's environment."""
        home = "/root" if user == "root" else f"/home/{user}"
        given = {"HOME": home, "USER": user, "LOGNAME": user, "SHELL": "/bin/bash", "PATH": PATH, **(environment or {})}
        as_user = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"] if user != "root" else []
        enter = ["nsenter", "--target", self._leader(), "--all", "--", *as_user]
        return [*enter, "env", "--chdir=/", "-i", *(f"{name}={value}" for name, value in given.items()), *command]

    def run(self, *command: str, user: str = "root") -> str:
        """What a program there prints. Asserts that it succeeds."""
        return run(*self.inside(*command, user=user))

    def shell(self, text: str, user: str = "root") -> str:
        """What a script there prints. Asserts that it succeeds."""
        return self.run("sh", "-ec", text, user=user)

    def _fill(self) -> None:
        """What its owner has set up: how names are resolved, and whom it trusts, as this machine does."""
        etc = self.root / "etc"
        (etc / "resolv.conf").write_text("".join(f"nameserver {address}\n" for address in resolvers()))
        (etc / "hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {self.system.name}\n")
        (etc / "hostname").write_text(f"{self.system.name}\n")
        run("chroot", self.root, "sh", "-euc", trust())
        (self.root / "root/.cache/romana-setup").mkdir(parents=True)

    def _connect(self) -> None:
        network = f"192.168.{self.number}"
        run("ip", "netns", "add", self.name)
        run("ip", "link", "add", self.uplink, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        run("ip", "addr", "add", f"{network}.254/24", "dev", self.uplink)
        run("ip", "link", "set", self.uplink, "up")
        run("ip", "-n", self.name, "link", "set", "lo", "up")
        run("ip", "-n", self.name, "addr", "add", f"{network}.10/24", "dev", "eth0")
        run("ip", "-n", self.name, "link", "set", "eth0", "up")
        run("ip", "-n", self.name, "route", "add", "default", "via", f"{network}.254")
        self._let_out("present")

    def _let_out(self, state: str) -> None:
        """The way out that nodes of the target local get."""
        let_out(self.name, self.uplink, f"192.168.{self.number}.0/24", state)

    def _cgroups(self) -> list[Path]:
        """Those it has for itself where no systemd makes them: else its own systemd would manage this machine's."""
        files = [Path("/sys/fs/cgroup", name) for name in CGROUP_FILES]
        return [file.parent / self.name for file in files if file.exists()]

    def _boot(self) -> None:
        command = [
            "nsenter", f"--net=/run/netns/{self.name}",
            "systemd-nspawn", "--quiet", "--keep-unit", "--register=no", f"--directory={self.root}", "--boot",
            f"--machine={self.name}", f"--hostname={self.system.name}", "--capability=all", "--bind=/dev/net/tun",
            "--resolv-conf=off", "--timezone=off", "--link-journal=no", "--console=pipe", "--kill-signal=SIGRTMIN+3",
            f"--bind={self.cache}:/root/.cache/romana-setup",
        ]  # fmt: skip
        if Path("/run/systemd/system").is_dir():
            command = ["systemd-run", "--quiet", "--scope", "--property=Delegate=yes", *command]
        else:
            for cgroup in self._cgroups():
                cgroup.mkdir(exist_ok=True)
                command = ["sh", "-c", 'echo $$ >"$0" && exec "$@"', str(cgroup / "cgroup.procs"), *command]
        with (self.directory / "console.log").open("wb") as console:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                env={"PATH": os.environ["PATH"], "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network"},
                start_new_session=True,
            )
        (self.directory / "pid").write_text(str(process.pid))
        eventually(lambda: self._has_booted() or process.poll() is not None, f"{self.name} boots")
        assert process.poll() is None, (self.directory / "console.log").read_text()

    def _leader(self) -> str:
        """Process id, here, of its first process; empty while there is none."""
        pid = (self.directory / "pid").read_text()
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().partition(" ")[0]

    def _has_booted(self) -> bool:
        state = run(*self.inside("systemctl", "is-system-running"), check=False) if self._leader() else ""
        return state.strip() in ("running", "degraded")
