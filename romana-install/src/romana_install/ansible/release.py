"""The release: what of ours goes onto a node, as one archive that needs nothing from the network there.

An archive holds lib/ (the romana package and its locked dependencies, for the node's Python and platform), bin/ (one
wrapper per program), neutron/ (networking-romana alone: it runs in Neutron's Python, with what Neutron brings) and, as
its last member, COMPLETE: a node that has this file has all of it.
"""

from __future__ import annotations

import hashlib
import io
import os
import platform
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from romana_install.ansible.distribution import copy_distribution
from romana_install.ansible.package_index import uv_environment
from romana_install.base.files import SHARED_DIRECTORY, SHARED_FILE, shared_directory

NODE_PYTHON = {"bookworm": "3.11", "trixie": "3.13"}  # of each Debian that nodes have
PROGRAMS = {
    "romana": "romana.cli.main",
    "romana-agent": "romana.agent.main",
    "romana-manage": "romana.manage",
    "romana-probe": "romana.probe",
    "romana-server": "romana.server.main",
}
# -I: what a node's or a user's environment says to Python is not for our programs, nor for what they start.
WRAPPER = """#!/usr/bin/python3 -I
import pathlib, runpy, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
runpy.run_module("{module}", run_name="__main__", alter_sys=True)
"""
FORMAT = 3  # raise when what an archive looks like changes


class ReleaseError(Exception):
    """The archive could not be made; the text says why and what to do."""


@dataclass(frozen=True)
class Release:
    """A finished archive. digest: 16 hexadecimal digits over everything that went into it."""

    path: Path
    digest: str


def build_release(project: Path, cache: Path, python: str) -> Release:
    """Make the archive for nodes that run Python `python` ("3.13"), or take it from `cache`. Raises ReleaseError."""
    source = project / "romana-core" / "src" / "romana"
    drivers = project / "networking-romana"
    lock = project / "requirements" / "node.lock"
    digest = _digest(python, [lock, *_files(source), drivers / "pyproject.toml", *_files(drivers / "src")], project)
    path = cache / f"romana-{digest}.tar.gz"
    if not path.exists():
        shared_directory(cache)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            content = Path(scratch, "content")
            _install_dependencies(lock, content / "lib", python)
            shutil.copytree(source, content / "lib" / "romana", ignore=shutil.ignore_patterns("__pycache__"))
            copy_distribution(drivers, content / "neutron")
            unfinished = Path(scratch, "release.tar.gz")
            _pack(content, unfinished)
            unfinished.chmod(SHARED_FILE)
            unfinished.replace(path)
    return Release(path, digest)


def _files(directory: Path) -> list[Path]:
    """All files below it that are sources."""
    return [path for path in sorted(directory.rglob("*")) if path.is_file() and "__pycache__" not in path.parts]


def _digest(python: str, inputs: list[Path], project: Path) -> str:
    digest = hashlib.sha256(f"{FORMAT} {python} {platform.machine()} {PROGRAMS} {WRAPPER}".encode())
    for path in inputs:
        digest.update(str(path.relative_to(project)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _install_dependencies(lock: Path, library: Path, python: str) -> None:
    command = ["uv", "pip", "install", "--quiet", "--require-hashes", "--only-binary=:all:", "--no-deps"]
    command += ["--python-version", python, "--python-platform", f"{platform.machine()}-unknown-linux-gnu"]
    command += ["--target", str(library), "-r", str(lock)]
    environment = {**os.environ, **uv_environment()}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise ReleaseError(
            f"cannot collect what the nodes need from the Python package index: {done.stderr.strip()}\n"
            "Is the index reachable from here? Set a mirror with: pip config set global.index-url URL"
        )


def _pack(content: Path, path: Path) -> None:
    with tarfile.open(path, "w:gz", compresslevel=1, format=tarfile.PAX_FORMAT) as archive:
        _add_directory(archive, "bin")  # with its mode: else the umask of who unpacks it has a say
        for name, module in PROGRAMS.items():
            _add_text(archive, f"bin/{name}", WRAPPER.format(module=module), 0o755)
        for part in sorted(content.iterdir()):
            archive.add(part, part.name, filter=_owned_by_root)
        _add_text(archive, "COMPLETE", "", 0o644)


def _add_directory(archive: tarfile.TarFile, name: str) -> None:
    member = tarfile.TarInfo(name)
    member.type, member.mode = tarfile.DIRTYPE, SHARED_DIRECTORY
    archive.addfile(member)


def _add_text(archive: tarfile.TarFile, name: str, text: str, mode: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(text.encode()), mode
    archive.addfile(member, io.BytesIO(text.encode()))


def _owned_by_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    member.mode |= 0o444 | (0o111 if member.isdir() else 0)
    member.mode &= ~0o022
    return member
