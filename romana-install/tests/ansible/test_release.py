"""What is unpacked from a release can be run by every user, whatever the umask of who packs or unpacks it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from romana_install.ansible import release
from romana_install.base.files import private_directory, shared_directory


@pytest.fixture(params=[0o027, 0o077, 0o002])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.mark.usefixtures("umask")
def test_everything_is_for_all_to_read_and_programs_to_run(tmp_path: Path) -> None:
    content = tmp_path / "content"
    (content / "lib" / "romana").mkdir(parents=True)
    (content / "lib" / "romana" / "__init__.py").touch()
    release._pack(content, tmp_path / "archive.tar.gz")
    target = tmp_path / "target"
    shared_directory(target)
    # As the role romana_base has it.
    subprocess.run(["tar", "--extract", "--gzip", "--file", tmp_path / "archive.tar.gz"], cwd=target, check=True)
    modes = {str(path.relative_to(target)): path.stat().st_mode & 0o777 for path in target.rglob("*")}
    programs = {f"bin/{name}": 0o755 for name in release.PROGRAMS}
    directories = {"bin": 0o755, "lib": 0o755, "lib/romana": 0o755}
    assert modes == {**directories, **programs, "lib/romana/__init__.py": 0o644, "COMPLETE": 0o644}


@pytest.mark.usefixtures("umask")
def test_directories_that_are_made_are_private_or_shared_with_their_parents(tmp_path: Path) -> None:
    for make, mode in ((private_directory, 0o700), (shared_directory, 0o755)):
        path = make(tmp_path / make.__name__ / "below" / "it")
        assert {one.stat().st_mode & 0o777 for one in (path, path.parent, path.parent.parent)} == {mode}
