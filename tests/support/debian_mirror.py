"""Where images that tests build take Debian's packages from."""

from __future__ import annotations

import subprocess


def debian_mirror() -> list[str]:
    """The mirror this machine's apt uses, as mmdebstrap's last argument; none, when it has none of Debian's."""
    command = ["apt-get", "indextargets", "--format", "$(ORIGIN) $(REPO_URI)", "Identifier: Packages"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    found = (line.rpartition(" ") for line in lines)
    return [url for origin, _, url in found if origin == "Debian" and "security" not in url][:1]
