"""One romana-setup at a time works on a stack."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from romana_install.actions import install
from romana_install.actions.context import wanted
from romana_install.base.files import private_directory
from romana_install.base.findings import PreflightError
from romana_install.cli import main as cli
from romana_install.state.lock import LockedError, held
from romana_install.targets import stacks

HOLDER = """
import sys
from pathlib import Path
from romana_install.state.lock import held
with held(Path(sys.argv[1]), "install"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    directory = tmp_path / "blue"
    directory.mkdir()
    return directory / "lock"


def test_second_one_is_told_who_holds_it(path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(LockedError, match=rf"stack blue is being worked on \(install, process {holder.pid}, since"):
            held(path, "install").__enter__()
        holder.kill()
    with held(path, "uninstall"):  # it went with its holder
        pass


def test_lock_is_free_afterwards(path: Path) -> None:
    for _ in range(2):
        with held(path, "install"):
            assert path.stat().st_mode & 0o777 == 0o600


def test_stack_can_be_removed_while_it_is_held(path: Path) -> None:
    with held(path, "uninstall"):
        shutil.rmtree(path.parent)
        path.parent.mkdir()
        with held(path, "install"):  # another stack of that name, and another lock
            pass


def test_of_two_stacks_that_want_one_network_the_second_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each has looked for others before either was noted."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    blue, green = (
        wanted(cli.parse(["-t", "local", "-e", f"stack_name={name}", "-e", "local_network=192.168.213.0/24"]))
        for name in ("blue", "green")
    )
    private_directory(tmp_path / "romana-setup")
    install._note(blue)
    with pytest.raises(PreflightError, match=r"192\.168\.213\.0/24 is used by stack blue"):
        install._note(green)
    assert [stack.name for stack in stacks.existing()] == ["blue"]
    install._note(blue)
