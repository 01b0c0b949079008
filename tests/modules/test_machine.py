"""What is asked of the kernel about this machine's network."""

from __future__ import annotations

import subprocess
import sys

ASK = "from romana_install.machine import has_interface; print(*map(has_interface, ['lo', 'eth0', 'nobody']))"


def test_interfaces_are_those_of_the_network_it_runs_in() -> None:
    """In a network of its own there is lo alone, while /sys still shows the network that it came from."""
    alone = ["unshare", "--net", sys.executable, "-c", ASK]
    assert subprocess.run(alone, check=True, capture_output=True, text=True).stdout.split() == [
        "True",
        "False",
        "False",
    ]
