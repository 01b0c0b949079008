"""What roles give time has enough of it where processors are emulated. Seconds, from installations there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROLES = Path(__file__).parents[3] / "roles"


def configuration(role: str) -> dict[str, Any]:
    """The sections that a role writes, with what it says itself."""
    variables = yaml.safe_load((ROLES / role / "vars" / "main.yml").read_text())
    sections: dict[str, Any] = variables[f"{role}_basic_config"]
    return sections


@pytest.mark.parametrize(
    ("role", "section", "option", "least"),
    [
        # Five builds on end were refused, as Nova had not told of an instance within five.
        ("neutron", "romana", "timeout", 30),
        # Three builds at once were not begun with when 300 were over.
        ("nova_compute", "DEFAULT", "instance_build_timeout", 900),
        ("nova_compute", "DEFAULT", "vif_plugging_timeout", 300),
    ],
)
def test_option_leaves_time(role: str, section: str, option: str, least: int) -> None:
    assert configuration(role)[section][option] >= least


def test_guest_leaves_time_to_tell_its_metadata() -> None:
    program = ROLES / "guest_image" / "files" / "guest" / "usr" / "libexec" / "guest" / "metadata"
    (seconds,) = re.findall(r"\btimeout (\d+) wget", program.read_text())
    assert int(seconds) >= 30  # six times five were too few
