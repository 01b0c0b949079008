"""A Python distribution of ours as it lies on a node: its package, and what tells Python that it is installed.

Nothing is built and nothing run: what a node gets follows from the sources alone.
"""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def copy_distribution(source: Path, target: Path) -> None:
    """Put the distribution in `source` into the directory `target`, so that it is importable with `target` on the path.

    Args:
        source: has pyproject.toml, with name and version, and src/<package>.
        target: gets <package> and <package>-<version>.dist-info, the latter with the entry points.
    """
    project = tomllib.loads((source / "pyproject.toml").read_text())["project"]
    package = project["name"].replace("-", "_")
    shutil.copytree(source / "src" / package, target / package, ignore=shutil.ignore_patterns("__pycache__"))
    information = target / f"{package}-{project['version']}.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(_metadata(project))
    (information / "entry_points.txt").write_text(_entry_points(project.get("entry-points", {})))


def _metadata(project: Mapping[str, Any]) -> str:
    return f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"


def _entry_points(groups: Mapping[str, Mapping[str, str]]) -> str:
    lines = []
    for group, points in groups.items():
        lines += [f"[{group}]", *(f"{name} = {place}" for name, place in points.items()), ""]
    return "\n".join(lines)
