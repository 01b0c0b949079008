"""romana-setup killed in each of its phases: running it again goes on, and completes when it is let."""

from __future__ import annotations

import pytest
from machine_network import machine_network
from romana_setup import Setup, kill
from waiting import eventually

STACK = ("cut", "192.168.95.0/24")
PHASES = ("release", "provision", "prepare", "romana", "tenants", "verify")
SOME = ("provision", "romana")
LONG = pytest.mark.long("is killed six times; twice in every run")


def phase(stack: Setup, run: int) -> str:
    """The phase that a run, counted from 0, is in."""
    phases = [phase["name"] for run in stack.journal()[run:] for phase in run["phases"]]
    return str(phases[-1]) if phases else ""


def install_until(stack: Setup, run: int, name: str) -> None:
    """Begin a run, counted from 0, and kill it when it has come to that phase."""
    process = stack.start("install")
    try:
        eventually(lambda: phase(stack, run) == name or process.poll() is not None, f"phase {name} has begun")
        assert process.poll() is None, process.stdout.read() if process.stdout else ""
    finally:
        kill(process)


@pytest.mark.parametrize(
    "phases",
    [
        pytest.param(SOME, id="some"),
        pytest.param(PHASES, id="all", marks=LONG),
    ],
)
def test_an_install_that_was_killed_in_its_phases_is_completed(stack: Setup, phases: tuple[str, ...]) -> None:
    before = machine_network(stack.inside)
    begun = len(stack.journal())
    for run, name in enumerate(phases, begun):
        install_until(stack, run, name)
    stack.run("install")
    stack.verify()
    stack.run("uninstall", "--yes")
    assert machine_network(stack.inside) == before
