"""romana-setup killed in each of its phases: running it again completes."""

from __future__ import annotations

import pytest
from romana_setup import Setup, eventually, kill, machine_network

STACK = ("cut", "192.168.95.0/24")


def phase(stack: Setup) -> str:
    """The phase the running installation is in."""
    runs = stack.journal()
    return str(runs[-1]["phases"][-1]["name"]) if runs and runs[-1]["phases"] else ""


@pytest.mark.parametrize("name", ["release", "provision", "prepare", "romana", "tenants", "verify"])
def test_a_killed_install_is_completed_by_the_next(stack: Setup, name: str) -> None:
    before = machine_network()
    process = stack.start("install")
    try:
        eventually(lambda: phase(stack) == name or process.poll() is not None, f"phase {name} has begun")
        assert process.poll() is None, process.stdout.read() if process.stdout else ""
    finally:
        kill(process)
    stack.run("install")
    stack.verify()
    stack.run("uninstall", "--yes")
    assert machine_network() == before
