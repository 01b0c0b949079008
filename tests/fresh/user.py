"""Somebody who does what README says: in a clone of their own, in a shell that is set up for other work."""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import dataclass
from pathlib import PurePosixPath

from machine import PROJECT, Machine, run
from users_ssh import HARMFUL

PATIENCE = 1200  # seconds for a command, several times what the longest takes
# What shells have, and what would be in the way if it reached anything that is started from here.
ENVIRONMENT = {
    "LC_ALL": "xx_XX.UTF-8",  # no system has it
    "LANG": "C",
    "TERM": "dumb",
    "TMPDIR": "/nonexistent",
    "CDPATH": "/usr",
    "GIT_DIR": "/nonexistent",
    "PYTHONPATH": "/srv/other",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONWARNINGS": "error",
    "PIP_USER": "1",
    "PIP_TARGET": "/nonexistent",
    "PIP_REQUIRE_VIRTUALENV": "1",
    "UV_OFFLINE": "1",
    "ANSIBLE_CHECK_MODE_MARKERS": "1",
    "ANSIBLE_COLLECTIONS_PATH": "/nonexistent",
    "ANSIBLE_CONFIG": "/nonexistent",
    "ANSIBLE_INVENTORY": "/nonexistent",
    "ANSIBLE_RUN_TAGS": "web",
    "ANSIBLE_BECOME": "1",
    "ANSIBLE_BECOME_USER": "nobody",
    "ANSIBLE_REMOTE_USER": "nobody",
    "ANSIBLE_VAULT_PASSWORD_FILE": "/nonexistent",
    "VAGRANT_CWD": "/srv/other",
    "VAGRANT_DOTFILE_PATH": "/srv/other",
    "AWS_PROFILE": "other",
}
# Modules of another project that have names of ours; nothing of ours may import them.
OTHER = ("ansible", "romana", "romana_install", "yaml", "sitecustomize")


@dataclass(frozen=True)
class User:
    """Somebody on a machine. name: whom the system knows them as; not root: who has sudo."""

    machine: Machine
    name: str = "root"

    @property
    def home(self) -> PurePosixPath:
        """Their home directory."""
        return PurePosixPath("/root" if self.name == "root" else f"/home/{self.name}")

    @property
    def clone(self) -> PurePosixPath:
        """Their clone, in a directory that nobody else can look into."""
        return self.home / "my work" / "romana"

    def arrive(self) -> None:
        """Be there, with a clone."""
        bundle = self.machine.root / "srv/romana.bundle"
        run("git", "-C", PROJECT, "bundle", "create", "--quiet", bundle, "HEAD")
        bundle.chmod(0o644)
        for name in OTHER:
            path = self.machine.root / f"srv/other/{name}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text("raise SystemExit('a module of another project')\n")
        if self.name != "root":
            self.machine.run("useradd", "--create-home", "--shell", "/bin/bash", self.name)
            sudoers = self.machine.root / "etc/sudoers.d/user"
            sudoers.write_text(f"{self.name} ALL=(ALL) NOPASSWD: ALL\n")
            sudoers.chmod(0o440)
        config = self.machine.root / self.home.relative_to("/") / ".ssh/config"
        config.parent.mkdir(mode=0o700, exist_ok=True)
        config.write_text(HARMFUL)
        self.machine.run("chown", "-R", f"{self.name}:", f"{self.home}/.ssh")
        parent = f"'{self.clone.parent}'"
        self.machine.shell(f"mkdir -m 700 {parent} && cd {parent} && git clone -q /srv/romana.bundle romana", self.name)

    def does(self, command: str, answer: str = "") -> str:
        """Give a command of README, which must succeed; returns what it prints. answer: what it asks a terminal for."""
        line = command if self.name == "root" else f"sudo {command}"
        if answer:
            line = f"script -qec {shlex.quote(line)} /dev/null"
        shell = self.machine.inside(
            *("bash", "-c", f"umask 077; cd {shlex.quote(str(self.clone))} && {line}"),
            user=self.name,
            environment=ENVIRONMENT,
        )
        try:
            done = subprocess.run(
                shell, input=f"{answer}\n", capture_output=True, text=True, check=False, timeout=PATIENCE
            )
        except subprocess.TimeoutExpired as late:
            raise AssertionError(f"{line}: no end within {PATIENCE} s\n{late.stderr!r}\n{late.output!r}") from None
        assert done.returncode == 0, f"{line}: exit {done.returncode}\n{done.stderr}\n{done.stdout}"
        assert "Traceback" not in done.stdout + done.stderr
        return done.stdout
