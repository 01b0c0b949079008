"""What a node's Python finds of a distribution that was only copied."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest

from romana_install.ansible.distribution import copy_distribution

PYPROJECT = """[project]
name = "some-drivers"
version = "1.2"

[project.entry-points."some.group"]
one = "some_drivers.thing:One"
two = "some_drivers.thing:Two"

[project.entry-points.other]
one = "some_drivers.thing:One"
"""


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    source = tmp_path / "source"
    package = source / "src" / "some_drivers"
    (package / "__pycache__").mkdir(parents=True)
    (package / "__pycache__" / "thing.pyc").touch()
    (package / "__init__.py").touch()
    (package / "thing.py").write_text("class One: pass\nclass Two: pass\n")
    (source / "pyproject.toml").write_text(PYPROJECT)
    (tmp_path / "target").mkdir()
    copy_distribution(source, tmp_path / "target")
    return tmp_path / "target"


def test_distribution_and_its_entry_points_are_found(copied: Path) -> None:
    (found,) = distributions(path=[str(copied)])
    assert (found.name, found.version) == ("some-drivers", "1.2")
    points = {(point.group, point.name, point.value) for point in found.entry_points}
    assert points == {
        ("some.group", "one", "some_drivers.thing:One"),
        ("some.group", "two", "some_drivers.thing:Two"),
        ("other", "one", "some_drivers.thing:One"),
    }


def test_entry_point_loads_through_a_path_file(copied: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "ours.pth").write_text(f"{copied}\n")
    program = (
        f"import site; site.addsitedir({str(site)!r})\n"
        "from importlib.metadata import entry_points\n"
        "print(entry_points(group='some.group')['two'].load().__name__)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "Two\n"


def test_nothing_that_python_made_is_copied(copied: Path) -> None:
    assert not list(copied.rglob("__pycache__"))
