"""Where images that tests build take packages from."""

from __future__ import annotations

import subprocess


def debian_mirror() -> list[str]:
    """Debian's mirror, see `mirror_of`."""
    return mirror_of("Debian")


def mirror_of(origin: str) -> list[str]:
    """The mirror this machine's apt uses, as mmdebstrap's last argument; none, when it has none of that origin."""
    command = ["apt-get", "indextargets", "--format", "$(ORIGIN) $(REPO_URI)", "Identifier: Packages"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    found = (line.rpartition(" ") for line in lines)
    return [url for name, _, url in found if name == origin and "security" not in url][:1]
