"""How long ./romana-setup takes to have, change and remove machines on AWS, beside what AWS itself takes.

AWS is moto, in a network namespace that has nothing but loopback; a machine is there as soon as it is asked for. Needs
root. Prints a table and, with --output, writes JSON.

usage: benchmarks/aws.py [--output FILE]
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "e2e" / "aws"))

from aws_setup import Cloud, Setup
from install import main

STEPS = (
    # what, nodes (0: uninstall), seconds to stay within; None: no goal
    ("1 node", 1, None),
    ("from 1 to 4 nodes", 4, None),
    ("4 nodes, second run", 4, None),
    ("from 4 to 2 nodes", 2, None),
    ("uninstall 2 nodes", 0, None),
    ("4 nodes", 4, 15),
    ("uninstall 4 nodes", 0, None),
    ("16 nodes", 16, 30),
    ("16 nodes, second run", 16, None),
    ("uninstall 16 nodes", 0, None),
)


def measure() -> list[dict[str, Any]]:
    """All steps, in their order: seconds from the command's start to its end, and calls to AWS."""
    results = []
    with tempfile.TemporaryDirectory() as scratch, Cloud(Path(scratch)) as cloud:
        cloud.reset()
        stack = Setup(cloud, Path(scratch) / "state")
        for what, nodes, within in STEPS:
            before = len(cloud.calls())
            begun = time.monotonic()
            if nodes:
                stack.provision(nodes - 1)
            else:
                stack.run("uninstall", "--yes")
            seconds = round(time.monotonic() - begun, 1)
            calls = {"calls": len(cloud.calls()) - before}
            results.append({"what": what, "seconds": seconds, "within": within, "phases": calls})
    return results


if __name__ == "__main__":
    main(__doc__, measure)
