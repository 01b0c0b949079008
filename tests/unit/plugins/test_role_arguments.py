"""Each role's argument specification says what its defaults are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
import yaml

from romana_install.config.settings import Config

PROJECT = Path(__file__).parents[3]
ROLES = sorted(path.parent for path in (PROJECT / "roles").glob("*/tasks"))
TYPES = {"str": str, "path": str, "int": int, "bool": bool, "dict": dict, "list": list}
NEEDS_NOTHING = {("aws_instances", "await")}  # what it reads is the role's own


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


def entered(tasks: Any) -> Iterator[tuple[str, str]]:
    """The roles that tasks, or plays, enter, each with its entry point."""
    if isinstance(tasks, list):
        for task in tasks:
            yield from entered(task)
    elif isinstance(tasks, dict):
        for key, value in tasks.items():
            if key in ("ansible.builtin.import_role", "ansible.builtin.include_role"):
                entry_point = value.get("tasks_from", "main.yml")
                yield value["name"].removeprefix("romana.openstack."), entry_point.removesuffix(".yml")
            else:
                yield from entered(value)


def test_entry_points_are_those_that_are_entered() -> None:
    files = [*(PROJECT / "playbooks").rglob("*.yml"), *(PROJECT / "roles").glob("*/tasks/*.yml")]
    entries = {entry for file in files for entry in entered(yaml.safe_load(file.read_text()))}
    specified = {
        (role.name, name) for role in ROLES for name in load(role / "meta/argument_specs.yml")["argument_specs"]
    }
    assert entries - specified == NEEDS_NOTHING
    assert specified - entries == set()


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_arguments_that_are_settings_are_as_the_settings_say(role: Path) -> None:
    for entry_point in load(role / "meta" / "argument_specs.yml")["argument_specs"].values():
        for name, option in entry_point.get("options", {}).items():
            if name in Config.model_fields:
                field = Config.model_fields[name]
                kinds = {get_origin(kind) or kind for kind in (*get_args(field.annotation), field.annotation)}
                assert TYPES[option["type"]] in kinds or option["choices"] == list(get_args(field.annotation))
                assert option.get("default", field.default) == field.default
