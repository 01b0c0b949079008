"""The page about Neutron's attributes names tests that there are, and the extensions that the drivers leave out."""

from __future__ import annotations

import re
from pathlib import Path

PROJECT = Path(__file__).parents[2]
PAGE = PROJECT / "docs/reference/neutron-attributes.md"
TESTS = PROJECT / "networking-romana/tests/inside_neutron"
NAMES = ("mechanism.py", "qos.py", "port_forwarding.py")
DRIVERS = [PROJECT / "networking-romana/src/networking_romana" / name for name in NAMES]


def test_its_tests_are_there() -> None:
    there: set[str] = set()
    for path in TESTS.glob("test_*.py"):
        found = re.findall(r"^class (Test\w+)|^    def (test_\w+)", path.read_text(), re.MULTILINE)
        name = ""
        for of_class, test in found:
            name = of_class or name
            there.add(f"{name}.{test}" if test else name)
    named = re.findall(r"\| `(Test[\w.]+)` \|$", PAGE.read_text(), re.MULTILINE)
    assert len(named) > 15
    assert [one for one in named if one not in there] == []


def test_its_extensions_are_those_that_are_left_out() -> None:
    listed = []
    for driver in DRIVERS:
        (found,) = re.findall(r"WITHOUT_EFFECT = frozenset\((.*?)\n\)", driver.read_text(), re.DOTALL)
        listed += re.findall(r'"([\w-]+)"', found)
    section = PAGE.read_text().partition("## Extensions that are not offered")[2]
    assert re.findall(r"`([\w-]+)`", section) == listed
