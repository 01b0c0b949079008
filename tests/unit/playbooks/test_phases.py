"""The playbooks that make a stack."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

PLAYBOOKS = Path(__file__).parents[3] / "playbooks"
PHASES = ("boot", "prepare", "openstack", "devstack", "romana", "tenants")


@pytest.mark.parametrize("phase", PHASES)
def test_a_phase_ends_when_one_of_its_nodes_fails(phase: str) -> None:
    plays = yaml.safe_load((PLAYBOOKS / f"{phase}.yml").read_text())
    for play in plays:
        is_of_several = not play["hosts"].startswith("controller")
        assert play.get("any_errors_fatal", False) == is_of_several, play["name"]
