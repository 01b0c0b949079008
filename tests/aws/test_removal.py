"""What killed runs have made can be removed, also by runs that are killed themselves: nothing is left."""

from __future__ import annotations

import pytest
from aws_setup import REMOVALS, Cloud, Setup, interrupt


def test_removals_that_are_killed_at_every_change_are_completed(stack: Setup, cloud: Cloud) -> None:
    interrupt(stack, "RunInstances", "provision")
    for action in REMOVALS:
        interrupt(stack, action, "uninstall", "--yes")
    stack.run("uninstall", "--yes")
    assert cloud.leftovers() == {}


@pytest.mark.parametrize("action", ["CreateVpc", "CreateInternetGateway"])
def test_what_a_killed_run_has_made_can_be_removed(stack: Setup, cloud: Cloud, action: str) -> None:
    interrupt(stack, action, "provision")
    stack.run("uninstall", "--yes")
    assert cloud.leftovers() == {}
