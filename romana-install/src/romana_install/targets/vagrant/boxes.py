"""Whether the box of the machines is there, or can be had."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

from romana_install.base.findings import Finding
from romana_install.config.settings import Config
from romana_install.targets.vagrant.machines import box
from romana_install.targets.vagrant.program import Program

FILE = "file://"


def box_findings(config: Config, program: Program) -> Iterator[Finding]:
    """What stands in the way of having it."""
    name, provider, url = box(config), config.vagrant_provider, config.vagrant_box_url
    if (name, provider) in program.boxes:
        return
    if url.startswith((FILE, "/")):
        path = Path(url.removeprefix(FILE))
        if not path.is_file():
            yield Finding("vagrant_box_url", f"{path} is not there; give the path of a box, or leave it empty")
    elif not has_way_out():
        yield Finding(
            f"box {name}",
            f"Vagrant does not have it for {provider}, and this machine has no default route to fetch it by; connect"
            f" it, or bring the box as a file: vagrant box add --name {name} FILE",
        )


def has_way_out() -> bool:
    """Whether this machine has a default route; who cannot look assumes it."""
    try:
        done = subprocess.run(["ip", "route", "show", "default"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return True
    return bool(done.stdout.strip())
