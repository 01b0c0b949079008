"""Each role's argument specification says what its defaults are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROLES = sorted(path.parent for path in (Path(__file__).parents[3] / "roles").glob("*/tasks"))


def load(path: Path) -> dict[str, Any]:
    """The file's dictionary; empty when there is no file."""
    return (yaml.safe_load(path.read_text()) or {}) if path.exists() else {}


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_argument_specification_agrees_with_defaults(role: Path) -> None:
    entry_points = load(role / "meta" / "argument_specs.yml")["argument_specs"].values()
    options = [item for entry_point in entry_points for item in entry_point.get("options", {}).items()]
    specified = {name: option["default"] for name, option in options if "default" in option}
    assert specified == load(role / "defaults" / "main.yml")


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_variables_carry_the_name_of_their_role(role: Path) -> None:
    assert [name for name in load(role / "defaults" / "main.yml") if not name.startswith(f"{role.name}_")] == []
