"""An image is built by one program at a time, whole, and with modes of its own."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[3] / "roles" / "local_image" / "files" / "build-image"


def command(path: Path, stack: str, script: str) -> list[str | Path]:
    return [PROGRAM, path, f"stack {stack}", "sh", "-c", script, "sh", "{}"]


def test_image_is_there_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a b"
    done = subprocess.run(command(path, "blue", 'mkdir "$1"; touch "$1/half"; exit 3'), check=False)
    assert (done.returncode, path.exists()) == (3, False)
    subprocess.run(command(path, "blue", 'mkdir "$1" && touch "$1/whole"'), check=True, umask=0o077)
    assert [entry.name for entry in path.iterdir()] == ["whole"]
    assert path.stat().st_mode & 0o777 == 0o755


def test_who_comes_second_is_told_who_builds_it_and_then_finds_it(tmp_path: Path) -> None:
    path, fifo = tmp_path / "image", tmp_path / "go"
    os.mkfifo(fifo)
    first = subprocess.Popen(command(path, "blue", f'mkdir "$1"; read go <"{fifo}"; touch "$1/first"'))
    with fifo.open("w"):  # opens once the first is at work
        second = subprocess.run(command(path, "green", "exit 9"), capture_output=True, text=True, check=False)
    assert second.returncode == 75
    assert second.stdout == f"waiting for the image that stack blue (process {first.pid}) builds\n"
    assert first.wait() == 0
    subprocess.run(command(path, "green", "exit 9"), check=True)
    assert [entry.name for entry in path.iterdir()] == ["first"]


def test_what_a_killed_build_left_running_is_waited_for(tmp_path: Path) -> None:
    path, fifo = tmp_path / "image", tmp_path / "go"
    os.mkfifo(fifo)
    first = subprocess.Popen(command(path, "blue", f'mkdir "$1"; read go <"{fifo}"'))
    with fifo.open("w"):
        first.send_signal(signal.SIGKILL)
        first.wait()
        second = subprocess.run(command(path, "green", 'mkdir "$1"'), capture_output=True, text=True, check=False)
        assert second.returncode == 75
    third = subprocess.run(command(path, "green", 'mkdir "$1"'), check=False)
    assert (third.returncode, path.is_dir()) == (0, True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts anything")
def test_what_a_killed_build_has_mounted_is_gone_with_it(tmp_path: Path) -> None:
    path, fifo = tmp_path / "image", tmp_path / "go"
    os.mkfifo(fifo)
    mounts = f'mkdir -p "$1/proc"; mount -t proc proc "$1/proc"; read go <"{fifo}"'
    first = subprocess.Popen(command(path, "blue", mounts))
    with fifo.open("w"):
        first.send_signal(signal.SIGKILL)
        first.wait()
    subprocess.run(command(path, "green", 'mkdir "$1"'), check=True)
    assert list(path.iterdir()) == []
