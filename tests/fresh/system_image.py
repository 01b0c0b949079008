"""Root file systems of systems as they come, with nothing of Romana's: what somebody has before the first command."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from debian_mirror import mirror_of

# What git itself and a person need; the rest is what the launcher and the installer bring.
PACKAGES = ("apt", "systemd", "systemd-sysv", "git", "ca-certificates")
OPTIONS = (
    "--variant=minbase",
    "--mode=root",
    '--aptopt=Acquire::Languages "none"',
    "--dpkgopt=force-unsafe-io",
    *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale")),
    '--customize-hook=rm -f "$1"/etc/resolv.conf "$1"/etc/hostname',
    '--customize-hook=echo uninitialized > "$1"/etc/machine-id',
    # Containers have no console to log in at.
    '--customize-hook=ln -sf /dev/null "$1"/etc/systemd/system/console-getty.service',
)
UBUNTU_KEYS = "usr/share/keyrings/ubuntu-archive-keyring.gpg"


@dataclass(frozen=True)
class System:
    """A release of a distribution. packages: on top of a minimal one; python: what it runs Romana on."""

    name: str
    origin: str
    release: str
    python: str
    packages: Sequence[str] = ()


DEBIAN_12 = System("debian12", "Debian", "bookworm", "3.11")
DEBIAN_13 = System("debian13", "Debian", "trixie", "3.13", ("sudo",))
# Its servers come with Python, but without what makes virtual environments.
UBUNTU_24 = System("ubuntu24", "Ubuntu", "noble", "3.12", ("sudo", "python3"))


def build(system: System, path: Path) -> None:
    """Make the system's root file system at `path`, which is this machine's to write to."""
    packages = ",".join((*PACKAGES, *system.packages))
    more = _of_ubuntu(path.with_name(f"{path.name}-keys")) if system.origin == "Ubuntu" else []
    _mmdebstrap(*OPTIONS, *more, f"--include={packages}", system.release, str(path), *mirror_of(system.origin))


def _of_ubuntu(directory: Path) -> list[str]:
    """Options for Ubuntu's archive. Debian, which this machine trusts already, vouches for its keys."""
    _mmdebstrap("--variant=extract", "--include=ubuntu-archive-keyring", "trixie", str(directory), *mirror_of("Debian"))
    return ["--components=main,universe", f"--keyring={directory / UBUNTU_KEYS}"]


def _mmdebstrap(*arguments: str) -> None:
    done = subprocess.run(["mmdebstrap", *arguments], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
