"""What the compute_join module finds missing."""

from __future__ import annotations

from typing import Any

import pytest
from plugins.modules.compute_join import lacking


def hypervisor(host: str, state: str = "up") -> dict[str, Any]:
    return {"hypervisor_hostname": f"{host}.example.org", "state": state, "service": {"host": host}}


@pytest.mark.parametrize(
    ("hypervisors", "stocked", "reason"),
    [
        ([], set(), "no cell of Nova has it"),
        ([hypervisor("compute02")], {"compute02.example.org"}, "no cell of Nova has it"),
        ([hypervisor("compute01", "down")], {"compute01.example.org"}, "nova-compute does not report"),
        ([hypervisor("compute01")], {"compute02.example.org"}, "Placement does not know its resources"),
    ],
)
def test_what_a_host_lacks_is_said(hypervisors: list[dict[str, Any]], stocked: set[str], reason: str) -> None:
    found = lacking(["compute01"], hypervisors, stocked)
    assert list(found) == ["compute01"]
    assert found["compute01"].startswith(reason)


def test_without_placement_nothing_of_it_is_waited_for() -> None:
    assert lacking(["compute01"], [hypervisor("compute01")], None) == {}


def test_host_that_can_be_used_lacks_nothing() -> None:
    assert lacking(["compute01"], [hypervisor("compute01"), hypervisor("compute02")], {"compute01.example.org"}) == {}
