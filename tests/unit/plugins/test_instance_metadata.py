"""What the instance_metadata module would ask Glance for."""

from __future__ import annotations

from typing import Any

import pytest
from plugins.modules.instance_metadata import difference, wanted

SEGMENT = {"name": "romanaSegment", "title": "Romana Network Segment", "description": "Name of the segment."}
WANTED = wanted({"namespace": "Romana", "description": "Where an instance is.", "properties": [SEGMENT]})
# As Glance shows it: with more than it was given.
THERE: dict[str, Any] = {
    **WANTED,
    "owner": "5c1a",
    "protected": False,
    "schema": "/v2/schemas/metadefs/namespace",
    "resource_type_associations": [
        {"name": "OS::Nova::Server", "properties_target": "metadata", "created_at": "2026-01-01T00:00:00Z"}
    ],
    "properties": {"romanaSegment": {**WANTED["properties"]["romanaSegment"], "readonly": False}},
}


def test_namespace_that_is_not_there_is_made() -> None:
    found = difference(WANTED, None)
    (step,) = found.steps
    assert (step.method, step.path, step.body) == ("POST", ("metadefs", "namespaces"), WANTED)
    assert found.before == {}


def test_namespace_that_is_as_wanted_stays() -> None:
    assert not difference(WANTED, THERE).result()["changed"]


@pytest.mark.parametrize(
    "other",
    [
        {"description": "another"},
        {"visibility": "private"},
        {"resource_type_associations": []},
        {"properties": {}},
        {"properties": {"romanaSegment": {"type": "string", "title": "Segment", "description": "Name."}}},
    ],
    ids=str,
)
def test_another_one_is_made_anew(other: dict[str, Any]) -> None:
    steps = difference(WANTED, {**THERE, **other}).steps
    assert [(step.stage, step.method) for step in steps] == [(0, "DELETE"), (1, "POST")]
