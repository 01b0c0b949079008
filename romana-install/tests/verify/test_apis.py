"""What a verification says of compute services."""

from __future__ import annotations

import pytest

from romana_install.verify.apis import service_problems


@pytest.mark.parametrize(
    ("state", "in_cells", "problems"),
    [
        ("up", {"compute01"}, []),
        ("down", {"compute01"}, ["nova-compute on compute01 is down; see: journalctl -u nova-compute there"]),
        ("up", {"x"}, ["no cell of Nova has compute01; see: journalctl -u nova-scheduler on the controller"]),
    ],
)
def test_what_is_wrong_with_a_service_is_said(state: str, in_cells: set[str], problems: list[str]) -> None:
    assert service_problems([{"host": "compute01", "state": state}], in_cells) == problems


def test_no_service_is_wrong() -> None:
    assert service_problems([], set()) == ["there is none"]
