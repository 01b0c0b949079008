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
    assert service_problems([{"host": "compute01", "state": state, "status": "enabled"}], in_cells) == problems


@pytest.mark.parametrize("services", [[], [{"host": "compute01", "state": "up", "status": "disabled"}]])
def test_a_cloud_needs_a_service(services: list[dict[str, str]]) -> None:
    assert service_problems(services, {"compute01"}) == ["none is enabled"]
