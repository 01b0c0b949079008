"""The command line that the benchmarks in network namespaces have in common, and what they leave."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from pathlib import Path


def parser(description: str) -> argparse.ArgumentParser:
    """With what all have; description: as the program shows it."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--output", type=Path, help="file for the JSON")
    return made


def root_options(of: argparse.ArgumentParser) -> argparse.Namespace:
    """The command line's; ends the program when it is not root's."""
    options = of.parse_args()
    if os.geteuid() != 0:
        of.error("needs root: it makes network namespaces")
    return options


def measured_options(description: str) -> argparse.Namespace:
    """The command line's of a program that measures again and again. description: as the program shows it."""
    made = parser(description)
    made.add_argument("--rounds", type=int, default=15, help="measurements of each, default %(default)s")
    made.add_argument("--seconds", type=float, default=1.0, help="of each measurement, default %(default)s")
    return root_options(made)


def publish(result: Mapping[str, object], output: Path | None) -> None:
    """Print the result, and write it where it is wanted."""
    print(json.dumps(result))
    if output:
        output.write_text(json.dumps(result, indent=2) + "\n")
