"""What the compute_leave module would ask Nova for."""

from __future__ import annotations

from plugins.modules.compute_leave import difference

SERVICES = [{"id": 7, "host": "compute02"}, {"id": 3, "host": "controller"}, {"id": 5, "host": "compute01"}]


def test_only_the_hosts_that_leave_are_taken_out() -> None:
    found = difference(["compute02", "compute03"], SERVICES)
    assert [(step.method, step.path) for step in found.steps] == [("DELETE", ("os-services", "7"))]
    assert found.after == {"hosts": ["compute01", "controller"]}


def test_hosts_that_have_left_change_nothing() -> None:
    assert not difference(["compute09"], SERVICES).result()["changed"]
