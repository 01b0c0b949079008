"""What the units of ours have in common."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TEMPLATES = Path(__file__).parents[3].glob("roles/*/templates/*")
WAITED_FOR = re.compile(r"^(Type=notify|ExecStartPost=.*|RemainAfterExit=yes|Restart=always)$", re.MULTILINE)
UNITS = {path.name: text for path in TEMPLATES if WAITED_FOR.search(text := path.read_text())}
# Of Type=simple, which systemd does not wait for.
AT_ONCE = {"neutron-romana.service.j2"}
SLOWEST = 900  # seconds; on two emulated processors, where all of a controller starts at once, a third of it was used


def test_units_are_found() -> None:
    assert {"unit.service.j2", "schema.service.j2", "override.conf.j2", "romana-agent.service.j2"} < UNITS.keys()


@pytest.mark.parametrize("name", sorted(UNITS.keys() - AT_ONCE))
def test_unit_has_time_to_start_where_processors_are_emulated(name: str) -> None:
    (seconds,) = re.findall(r"^TimeoutStartSec=(\d+)$", UNITS[name], re.MULTILINE)
    assert int(seconds) >= SLOWEST
