"""The root file system of a plain Debian server that nobody's installer has touched, built once and kept."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Sequence

from romana_install.stack import cache_home

RELEASE = "trixie"
# A server has sshd, sudo and Python; the others are what Romana installs, as these servers have no way to a mirror.
PACKAGES = (
    *("dbus", "openssh-server", "procps", "python3", "sudo", "systemd", "systemd-sysv", "iputils-ping"),
    *("busybox", "dnsmasq-base", "iproute2", "nftables"),
)
OPTIONS = (
    "--variant=minbase",
    "--mode=root",
    '--aptopt=Acquire::Languages "none"',
    '--aptopt=APT::Install-Recommends "false"',
    "--dpkgopt=force-unsafe-io",
    *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale")),
    '--customize-hook=rm "$1"/etc/ssh/ssh_host_*',
    '--customize-hook=echo uninitialized > "$1"/etc/machine-id',
    # Containers have neither modules to load nor a console to log in at.
    *(
        f'--customize-hook=ln -sf /dev/null "$1"/etc/systemd/system/{name}.service'
        for name in ("systemd-modules-load", "console-getty")
    ),
    '--customize-hook=chroot "$1" useradd --create-home --shell /bin/bash debian',
)


def server_image(more: Sequence[str] = ()) -> str:
    """The path of the image with `more` packages; it is not to be written to."""
    command = [*OPTIONS, f"--include={','.join(sorted({*PACKAGES, *more}))}", RELEASE]
    digest = hashlib.sha256(json.dumps(command).encode()).hexdigest()[:16]
    path = cache_home() / "images" / f"server-{digest}"
    if not path.is_dir():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        subprocess.run(["rm", "-rf", "--one-file-system", partial], check=True)
        subprocess.run(["mmdebstrap", *command, partial, *_mirror()], check=True, capture_output=True)
        partial.rename(path)
    return str(path)


def _mirror() -> list[str]:
    """The mirror that this machine uses, if it is a Debian."""
    asked = ["apt-get", "indextargets", "--format", "$(ORIGIN) $(REPO_URI)", "Identifier: Packages"]
    lines = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines()
    return [url for origin, _, url in (line.rpartition(" ") for line in lines) if origin == "Debian"][:1]
