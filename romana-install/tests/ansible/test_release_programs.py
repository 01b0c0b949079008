"""The programs of a release, as they are started on a node."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from romana_install.ansible.release import PROGRAMS, build_release

PROJECT = Path(__file__).parents[3]
PYTHON = "/usr/bin/python3"


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release for this machine's own Python, unpacked."""
    place = tmp_path_factory.mktemp("release")
    command = [PYTHON, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    version = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    (place / "a release").mkdir()
    archive = build_release(PROJECT, place / "cache", version).path
    subprocess.run(["tar", "-xf", archive, "-C", place / "a release"], check=True)
    return place / "a release"


@pytest.mark.parametrize("name", sorted(set(PROGRAMS) - {"romana-probe"}))
def test_program_starts_whatever_the_environment_says_to_python(release: Path, name: str, tmp_path: Path) -> None:
    (tmp_path / "romana.py").write_text("raise SystemExit('the wrong romana')\n")
    done = subprocess.run(
        [release / "bin" / name, "--help"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "PYTHONHOME": "/nonexistent", "PYTHONWARNINGS": "error", "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert f"usage: {name}" in done.stdout.lower()


@pytest.mark.parametrize(
    "name", ["lib/romana/contract.py", "lib/romana/files.py", "neutron/networking_romana/contract.py"]
)
def test_release_has_what_the_sources_link_to(release: Path, name: str) -> None:
    file = release / name
    assert not file.is_symlink()
    assert file.read_bytes() == (PROJECT / "plugins" / "module_utils" / file.name).read_bytes()
