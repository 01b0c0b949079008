"""Whether a dead supervisor of a container is noticed, by the lock that a living one keeps."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from romana_install.targets.local.supervisors import Watch, problem

HOLD = """
import fcntl, os, sys, time
lock = open(sys.argv[1], "a+")
fcntl.flock(lock, fcntl.LOCK_EX)
lock.truncate(0)
lock.write(str(os.getpid()))
lock.flush()
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture
def node(tmp_path: Path) -> Path:
    directory = tmp_path / "nodes" / "compute01"
    directory.mkdir(parents=True)
    (directory / "console.log").write_text("one\ntwo\nthree\nmount: bad superblock\n")
    return directory


@pytest.fixture
def supervisor(node: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that keeps the lock as a supervisor does."""
    command = [sys.executable, "-c", HOLD, str(node / "supervisor.pid")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()


def test_one_that_runs_is_no_problem(tmp_path: Path, supervisor: subprocess.Popen[str]) -> None:
    assert supervisor.poll() is None
    assert problem(tmp_path, "compute01") == ""


def test_one_that_has_died_is_told_with_what_it_said_and_what_to_do(
    tmp_path: Path, supervisor: subprocess.Popen[str]
) -> None:
    end(supervisor)
    said = problem(tmp_path, "compute01")
    assert "has ended; its console said last: two / three / mount: bad superblock" in said
    assert said.endswith(" install")


def test_one_that_never_was_is_told(tmp_path: Path) -> None:
    assert "has ended" in problem(tmp_path, "compute01")


def test_watch_notices_one_that_dies(tmp_path: Path, supervisor: subprocess.Popen[str]) -> None:
    watch = Watch(tmp_path)
    assert watch() == ("", "")
    end(supervisor)
    host, said = watch()
    assert host == "compute01"
    assert "has ended" in said


def test_watch_minds_none_that_was_dead_or_is_told_to_end(
    tmp_path: Path, node: Path, supervisor: subprocess.Popen[str]
) -> None:
    watch = Watch(tmp_path)
    assert watch() == ("", "")
    (node / "stopping").touch()
    end(supervisor)
    assert watch() == ("", "")
    (node / "stopping").unlink()
    assert Watch(tmp_path)() == ("", "")
