"""What is written about the configuration agrees with the code."""

from __future__ import annotations

import re
from pathlib import Path

import layers
import pytest
import yaml

from romana.models import HostCreate
from romana_install.ansible.progress import INSTALL_PHASES
from romana_install.config.documentation import document
from romana_install.config.settings import FILES, NAME, Settings

PROJECT = Path(__file__).parents[3]


def test_page_is_up_to_date() -> None:
    made = PROJECT / "docs" / "reference" / "configuration.md"
    assert made.read_text() == document(), (
        "run: python -m romana_install.config.documentation > docs/reference/configuration.md"
    )


@pytest.mark.parametrize(("name", "model"), FILES.items())
def test_files_hold_every_variable_with_its_default(name: str, model: type[Settings]) -> None:
    text = (PROJECT / "group_vars" / "all" / name).read_text()
    assert yaml.safe_load(text) == model().model_dump()


@pytest.mark.parametrize("name", FILES)
def test_every_variable_has_a_comment(name: str) -> None:
    before = ""
    for line in (PROJECT / "group_vars" / "all" / name).read_text().splitlines():
        if line[:1].isalpha():
            assert before.startswith("#"), line
        before = line


def test_names_are_those_the_api_accepts() -> None:
    schema = HostCreate.model_json_schema()["properties"]["name"]
    for text in ("a", "A.b-c_1", "a" * 64):
        assert re.fullmatch(NAME, text)
        assert re.fullmatch(schema["pattern"], text)
        assert len(text) <= schema["maxLength"]
    for text in ("", "-a", "a-", "a b", "a" * 65):
        assert not re.fullmatch(NAME, text)
        assert not re.fullmatch(schema["pattern"], text) or len(text) > schema["maxLength"]


def test_architecture_names_the_phases() -> None:
    assert f"\n{' → '.join(INSTALL_PHASES)}\n" in (PROJECT / "docs" / "explanation" / "architecture.md").read_text()


def test_contributing_names_every_layer() -> None:
    text = (PROJECT / "CONTRIBUTING.md").read_text()
    assert [
        name for name in [*layers.LAYERS, *layers.SETS] if f"`{name}`" not in text and f" {name} " not in text
    ] == []
