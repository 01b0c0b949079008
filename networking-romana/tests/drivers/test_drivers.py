"""The drivers inside Neutron, one test for each file of ../inside_neutron; what failed in it is in the output."""

from __future__ import annotations

import subprocess

import pytest
from live_romana import PROJECT

from .conftest import TESTS
from .inside import Inside

SOURCES = PROJECT / "networking-romana" / "src"
KILLED = pytest.mark.long("kills Neutron amid changes; test_follow.py has the follower repair what was missed")
ALONE = pytest.mark.long(
    "is of what Neutron does alone; test_neutrons_own.py has Neutron's tests of what drivers have a part in"
)
LONG = {"test_killed.py": KILLED, "test_neutrons_alone.py": ALONE}
FILES = sorted(path.name for path in TESTS.glob("test_*.py"))


@pytest.mark.parametrize("file", [pytest.param(one, marks=LONG.get(one, ())) for one in FILES])
def test_inside_neutron(inside: Inside, file: str) -> None:
    done = inside.run(file)
    assert done.status == 0, done.output


def test_source_is_for_python_2_too(inside: Inside) -> None:
    done = subprocess.run(
        [inside.python.with_name("vermin"), "--quiet", "--violations", "--no-tips", "-t=2.7-", "-t=3.4-", SOURCES],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
