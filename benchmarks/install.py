"""How long ./romana-setup takes, and what that time is made of.

Makes stacks of its own in a copy of this checkout, so that the first run really is one from nothing: without .venv,
image and downloaded packages of ours. Needs root. Prints a table and, with --output, writes JSON.

usage: benchmarks/install.py [--output FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[1]
NAME = "bench"
NETWORK = "192.168.94.0/24"
COPIED = shutil.ignore_patterns(".venv", ".git", "__pycache__", ".*_cache", ".hypothesis")
STEPS = (
    # what, action, compute nodes, seconds to stay within
    ("first run from nothing, 1+2 nodes", "install", 2, 180),
    ("uninstall", "uninstall --yes", 2, 10),
    ("image cached, 1+2 nodes", "install", 2, 45),
    ("second run", "install", 2, 15),
    ("one more compute", "install", 3, 15),
    ("uninstall", "uninstall --yes", 3, 10),
)


def run(directory: Path, action: str, computes: int, engine: str = "none") -> tuple[float, dict[str, float]]:
    """Seconds an action took, and those of its phases as the journal has them."""
    settings = {
        "stack_name": NAME,
        "local_network": NETWORK,
        "openstack_engine": engine,
        "devstack_compute_node": computes,
    }
    command = [str(directory / "project" / "romana-setup"), "-t", "local", *action.split(), "-e", json.dumps(settings)]
    environment = {
        **os.environ,
        "XDG_STATE_HOME": str(directory / "state"),
        "XDG_CACHE_HOME": str(directory / "cache"),
        "UV_CACHE_DIR": str(directory / "cache" / "uv"),
        "PIP_CACHE_DIR": str(directory / "cache" / "pip"),
    }
    begun = time.monotonic()
    subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    seconds = time.monotonic() - begun
    journal = directory / "state" / "romana-setup" / NAME / "journal.json"
    phases = json.loads(journal.read_text())["runs"][-1]["phases"] if journal.exists() else []
    return seconds, {phase["name"]: phase["seconds"] for phase in phases}


def measure() -> list[dict[str, Any]]:
    """All steps, in their order."""
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        shutil.copytree(PROJECT, directory / "project", symlinks=True, ignore=COPIED)
        try:
            for what, action, computes, within in STEPS:
                seconds, phases = run(directory, action, computes)
                results.append({"what": what, "seconds": round(seconds, 1), "within": within, "phases": phases})
        finally:
            run(directory, "uninstall --yes", 0)
    return results


def table(results: Sequence[dict[str, Any]]) -> str:
    """The results for people."""
    lines = [f"{'':36} {'seconds':>8} {'goal':>6}  phases"]
    for result in results:
        phases = ", ".join(f"{name} {seconds}" for name, seconds in result["phases"].items())
        lines.append(f"{result['what']:36} {result['seconds']:8.1f} {result['within'] or '':>6}  {phases}")
    return "\n".join(lines)


def main(description: str, measured: Callable[[], list[dict[str, Any]]]) -> None:
    """Measure, print the table and write what --output asks for. description: of which the first line is the help."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--output", type=Path, help="file for the JSON")
    output = parser.parse_args().output
    results = measured()
    print(table(results))
    if output:
        output.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main(__doc__, measure)
