"""apt's locks that somebody else holds: real ones, on directories of apt and dpkg that are this test's alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
PROGRAM = PROJECT / "roles" / "packages" / "files" / "patient-apt"
HOLD = """
import fcntl, sys
lock = open(sys.argv[1], "a")
fcntl.lockf(lock, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""
LISTS, DPKG = Path("var/lib/apt/lists"), Path("var/lib/dpkg")
UPDATE = ["apt-get", "-qq", "-o", "Dir::Etc::SourceList=/dev/null", "-o", "Dir::Etc::SourceParts=/dev/null", "update"]
INSTALL = ["apt-get", "-qq", "--yes", "--no-download", "install", "no-such-package"]
PLAY = """
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - import_role: {name: romana.openstack.packages, tasks_from: wait.yml}
"""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it mounts directories in the place of apt's")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """What stands in for the machine's directories of apt and dpkg: nothing is installed."""
    for directory in (LISTS / "partial", DPKG / "updates", DPKG / "info"):
        (tmp_path / directory).mkdir(parents=True)
    (tmp_path / DPKG / "status").touch()
    return tmp_path


def alone(root: Path, *command: str | Path) -> list[str]:
    """The command, on a machine with these directories."""
    mounts = [f"mount --bind '{root / one}' '/{one}'" for one in (LISTS, DPKG)]
    return ["unshare", "--mount", "sh", "-ec", f'{"; ".join(mounts)}; exec "$@"', "sh", *map(str, command)]


@contextmanager
def held(lock: Path) -> Iterator[tuple[int, Callable[[], object]]]:
    """Holds a lock as apt and dpkg do, until the function is called; gives the process's id, too."""
    command = [sys.executable, "-c", HOLD, str(lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process.pid, process.communicate
        process.kill()


def patient(root: Path, *command: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        alone(root, PROGRAM, *command),
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    "lock", [LISTS / "lock", DPKG / "lock-frontend", DPKG / "lock"], ids=["lists", "frontend", "dpkg"]
)
def test_holder_is_named_at_once_and_waited_for(root: Path, lock: Path) -> None:
    with held(root / lock) as (pid, release), patient(root, *UPDATE) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        assert said.startswith(f"apt's lock is held by process {pid} ({sys.executable} -c")
        assert said.endswith("); waiting for it, up to 10 minutes\n")
        assert process.poll() is None
        release()
        assert process.communicate()[1] == ""
    assert process.returncode == 0


def test_who_was_faster_is_waited_for_as_well(root: Path) -> None:
    """Somebody takes the lock after it was seen free: apt's own error is not the end."""
    begun, go = root / "begun", root / "go"
    os.mkfifo(begun)
    os.mkfifo(go)
    with patient(root, "sh", "-c", f"echo >'{begun}'; read _ <'{go}'; exec \"$@\"", "sh", *UPDATE) as process:
        assert process.stderr is not None
        assert begun.read_text() == "\n"
        with held(root / LISTS / "lock") as (pid, release):
            go.write_text("\n")
            assert f"process {pid} (" in process.stderr.readline()
            release()
        assert begun.read_text() == "\n"
        go.write_text("\n")
        process.communicate()
    assert process.returncode == 0


def test_end_of_patience_is_an_error_that_names_the_holder(root: Path) -> None:
    with held(root / DPKG / "lock-frontend") as (pid, _), patient(root, *UPDATE, APT_PATIENCE="1") as process:
        errors = process.communicate()[1]
    assert process.returncode == 100
    last = errors.splitlines()[-1]
    assert last.startswith(f"apt's lock is held by process {pid} (")
    assert last.endswith("wait for it or end it, then run this again")


def test_other_errors_are_apts_own(root: Path) -> None:
    with patient(root, *INSTALL) as process:
        errors = process.communicate()[1]
    assert process.returncode == 100
    assert errors == "E: Unable to locate package no-such-package\n"


def test_role_tells_whom_it_waits_for(root: Path) -> None:
    (root / "play.yml").write_text(PLAY)
    collections = root / "ansible_collections" / "romana"
    collections.mkdir(parents=True)
    (collections / "openstack").symlink_to(PROJECT)
    values = json.dumps({"ansible_python_interpreter": sys.executable})
    command = [Path(sys.executable).with_name("ansible-playbook"), root / "play.yml", "-e", values]
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(root), "ANSIBLE_LOCALHOST_WARNING": "False"}
    with (
        held(root / DPKG / "lock-frontend") as (pid, release),
        subprocess.Popen(alone(root, *command), env=environment, stdout=subprocess.PIPE, text=True, cwd=root) as play,
    ):
        assert play.stdout is not None
        told = next(line for line in play.stdout if "apt's lock is held by" in line)
        assert f"process {pid} (" in told
        release()
        play.communicate()
    assert play.returncode == 0
