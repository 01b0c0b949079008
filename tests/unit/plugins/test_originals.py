"""What the module `originals` keeps is put back, whatever has become of it meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from plugins.modules.originals import Originals


def look(directory: Path) -> dict[str, Any]:
    """All that is below it: links by target, files by mode and content."""
    found: dict[str, Any] = {}
    for path in sorted(directory.rglob("*")):
        name = str(path.relative_to(directory))
        if path.is_symlink():
            found[name] = str(path.readlink())
        else:
            found[name] = (oct(path.stat().st_mode), path.is_file() and path.read_text())
    return found


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    directory = tmp_path / "machine"
    (directory / "there").mkdir(parents=True)
    (directory / "there" / "old").write_text("old")
    (directory / "conf").write_text("packaged")
    (directory / "conf").chmod(0o640)
    (directory / "link").symlink_to("conf")
    return directory


def kept(tmp_path: Path, machine: Path) -> Originals:
    originals = Originals(tmp_path / "kept")
    paths = [str(machine / name) for name in ("conf", "link", "new", "made", "made/inside", "there")]
    originals.keep({"paths": paths, "contents": [str(machine / "there")], "units": []})
    return originals


def change(machine: Path) -> None:
    (machine / "conf").write_text("ours")
    (machine / "conf").chmod(0o600)
    (machine / "link").unlink()
    (machine / "link").write_text("no link any more")
    (machine / "new").write_text("new")
    (machine / "made" / "inside").mkdir(parents=True)
    (machine / "there" / "later").mkdir()


def test_everything_is_what_it_was(tmp_path: Path, machine: Path) -> None:
    before = look(machine)
    kept(tmp_path, machine)
    change(machine)
    Originals(tmp_path / "kept").restore()
    assert look(machine) == before
    assert not (tmp_path / "kept").exists()


def test_what_has_gone_comes_back(tmp_path: Path, machine: Path) -> None:
    before = look(machine)
    kept(tmp_path, machine)
    (machine / "conf").unlink()
    (machine / "link").unlink()
    Originals(tmp_path / "kept").restore()
    assert look(machine) == before


def test_the_first_is_the_original(tmp_path: Path, machine: Path) -> None:
    originals = kept(tmp_path, machine)
    change(machine)
    everything = {"paths": [str(machine / "conf")], "contents": [], "units": []}
    assert originals.missing(everything)["paths"] == []


def test_what_is_the_users_stays(tmp_path: Path, machine: Path) -> None:
    kept(tmp_path, machine)
    (machine / "theirs").write_text("theirs")
    Originals(tmp_path / "kept").restore()
    assert (machine / "theirs").read_text() == "theirs"
