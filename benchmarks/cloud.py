"""How long it takes from ./romana-setup to an instance that pings an instance on another host, and its parts.

Makes a cloud of its own in a copy of this checkout, so that the first run really is one from nothing. Needs root, and
the tests' .venv. Prints a table and, with --output, writes JSON.

A way to a ping is the installation without its verification, and then two boots. Verification comes between them, in
every installation, boots instances itself and removes them; its time is among the parts, and not in the sum.

usage: benchmarks/cloud.py [--output FILE]
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from install import COPIED, NAME, PROJECT, main, run

sys.path.append(str(PROJECT / "tests" / "e2e" / "openstack"))

from cloud_client import Cloud

ENGINE = "packages"
STEPS = (
    # what, compute nodes, hosts of the two instances (none: only the run), seconds to stay within
    ("from nothing to ping, 1+2 nodes", 2, ("compute01", "compute02"), 420),
    ("image cached, to ping, 1+2 nodes", 2, ("compute01", "compute02"), 150),
    ("second run", 2, (), 40),
    ("one more compute, to ping", 3, ("compute03", "compute01"), 60),
)


def ping(directory: Path, hosts: tuple[str, str]) -> dict[str, float]:
    """Boot an instance on each host and let one ping the other; seconds of each part."""
    cloud = Cloud(directory / "state" / "romana-setup" / NAME, NAME, project="demo")
    begun = time.monotonic()
    instances = [cloud.boot(f"on-{host}", host, "s1") for host in hosts]
    servers = cloud.active(*instances)
    active = time.monotonic()
    cloud.ready(*instances)
    ready = time.monotonic()
    cloud.run(servers[0], f"ping -c 1 {servers[1].address}")
    parts = {"active": active - begun, "guests": ready - active, "ping": time.monotonic() - ready}
    cloud.delete(*instances)
    return {name: round(seconds, 1) for name, seconds in parts.items()}


def measure() -> list[dict[str, Any]]:
    """All steps, in their order."""
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        shutil.copytree(PROJECT, directory / "project", symlinks=True, ignore=COPIED)
        try:
            for number, (what, computes, hosts, within) in enumerate(STEPS):
                if number == 1:
                    run(directory, "uninstall --yes", computes, ENGINE)
                seconds, phases = run(directory, "install", computes, ENGINE)
                parts = ping(directory, hosts) if hosts else {}
                before = seconds - phases["verify"] if hosts else seconds
                whole = round(before + sum(parts.values()), 1)
                results.append({"what": what, "seconds": whole, "within": within, "phases": phases | parts})
        finally:
            run(directory, "uninstall --yes", 0, ENGINE)
    return results


if __name__ == "__main__":
    main(__doc__, measure)
