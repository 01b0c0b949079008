"""A node's Debian with Python 2.7, packages for it that are built, and an old Neutron.

Built once, then kept in the user's cache, and never written to.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import ssl
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from debian_mirror import debian_mirror
from image_layer import APART, alone
from live_romana import PROJECT
from romana_install.ansible.package_index import pip_options, uv_environment
from romana_install.config.devstack_releases import known_releases
from romana_install.state.stack import cache_home

LOCKS = PROJECT / "requirements"
ROLE = PROJECT / "roles" / "devstack"
PYTHON2 = ROLE / "files" / "python2"  # what brings it to a node
INSTALL = Path(__file__).with_name("install-neutron")
RUN = Path(__file__).with_name("run-inside")
SETTINGS = {
    key: value
    for part in ("defaults", "vars")
    for key, value in yaml.safe_load((ROLE / part / "main.yml").read_text()).items()
}
SYSTEM = known_releases()["liberty"].debian
MMDEBSTRAP = ("mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", f"--customize-hook={INSTALL}", SYSTEM)


@dataclass(frozen=True)
class Rootfs:
    """A root file system that is complete."""

    path: Path

    def run(
        self, command: Sequence[str], environment: Mapping[str, str], shared: Sequence[Path], mount_point: Path
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in it to its end; nothing it does outlives it, but for what it writes to `shared`.

        Args:
            command: program and arguments.
            environment: all of its variables but PATH.
            shared: directories of this machine that it finds under the same names.
            mount_point: an empty directory.
        """
        inside = [*APART, RUN, mount_point, self.path, *shared]
        variables = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **environment}
        return subprocess.run([*inside, "--", *command], env=variables, capture_output=True, text=True, check=False)


def ensure() -> Rootfs:
    """The root file system that our files describe, built when there is none yet."""
    images = cache_home() / "images"
    images.mkdir(parents=True, exist_ok=True)
    path = images / f"neutron27-{_digest()}"
    with alone(images) as lock:
        if not path.exists():
            _build(path, lock)
    return Rootfs(path)


def _digest() -> str:
    programs = sorted(path for path in PYTHON2.iterdir() if path.is_file())  # not what Python leaves beside them
    files = [INSTALL, *programs, LOCKS / "liberty.lock", LOCKS / "neutron27.lock"]
    content = repr((SYSTEM, SETTINGS["devstack_for_python2"], [file.read_text() for file in files]))
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _build(path: Path, lock: int) -> None:
    """The lock goes to the program that builds, too: it may outlive us."""
    partial = path.with_name(path.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)  # of a build that was killed
    try:
        command = [*APART, "--mount-proc", *MMDEBSTRAP, partial, *debian_mirror()]
        done = subprocess.run(
            command, env=_build_environment(), pass_fds=[lock], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        partial.rename(path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _build_environment() -> dict[str, str]:
    """What is right inside, too: of this machine's settings those that name no files."""
    machine = {name: value for name, value in os.environ.items() if name == "PATH" or name.lower().endswith("_proxy")}
    indexes = {f"PIP_{name.upper().replace('-', '_')}": value for name, value in pip_options().items()}
    authorities = uv_environment().get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    assert authorities is not None, "this machine has no file of certificate authorities; install ca-certificates"
    ours = {"LOCKS": LOCKS, "PYTHON2": PYTHON2, "AUTHORITIES": authorities, "ARCHIVE": SETTINGS["devstack_archive"]}
    packages = " ".join(SETTINGS["devstack_for_python2"])
    return {**machine, **indexes, **{name: str(value) for name, value in ours.items()}, "PACKAGES": packages}
