"""How long ./romana-setup -t aws takes from the first call to instances that ping each other, and its parts.

AWS is the tests' own: its instances are containers that boot with Debian's cloud-init, in a network like a VPC. Their
image is made before, if it is not there. The last phase, verify, boots instances of the cloud and has them ping each
other; it asks from the user's side, by ssh. Needs root. Prints a table and, with --output, writes JSON.

usage: benchmarks/aws_cloud.py [--output FILE]
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from install import PROJECT, main

sys.path += [str(PROJECT / "tests" / folder) for folder in ("e2e/aws", "e2e/static", "support")]

from live_cloud import LiveCloud
from machine_image import machine_image

NAME = "bench"
STEPS = (
    # what, seconds to stay within; None: no goal
    ("image cached, to a ping, 1+1 nodes", 300),
    ("second run", None),
)


def measure() -> list[dict[str, Any]]:
    """All steps, in their order."""
    results = []
    image = machine_image(services=True)
    with tempfile.TemporaryDirectory() as scratch, LiveCloud(Path(scratch) / "world", image) as cloud:
        setup = cloud.setup(NAME, devstack_compute_node=1, openstack_engine="packages")
        with cloud.world.network():
            for what, within in STEPS:
                begun = time.monotonic()
                setup.run("install")
                seconds = round(time.monotonic() - begun, 1)
                phases = {phase["name"]: phase["seconds"] for phase in setup.journal()[-1]["phases"]}
                results.append({"what": what, "seconds": seconds, "within": within, "phases": phases})
            setup.run("uninstall", "--yes")
    return results


if __name__ == "__main__":
    main(__doc__, measure)
