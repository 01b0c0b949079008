"""What killed runs have made can be removed, also by runs that are killed themselves: nothing is left."""

from __future__ import annotations

import json

from aws_setup import REMOVALS, Cloud, Setup, interrupt


def test_removals_that_are_killed_at_every_change_are_completed(stack: Setup, cloud: Cloud) -> None:
    interrupt(stack, "RunInstances", "provision")
    for action in REMOVALS:
        interrupt(stack, action, "uninstall", "--yes")
    stack.run("uninstall", "--yes")
    assert cloud.leftovers() == {}


def test_what_a_killed_run_has_made_can_be_removed(stack: Setup, cloud: Cloud) -> None:
    interrupt(stack, "CreateInternetGateway", "provision")
    stack.run("uninstall", "--yes")
    assert cloud.leftovers() == {}


def test_what_a_killed_run_has_made_is_not_removed_by_credentials_of_another_account(
    stack: Setup, cloud: Cloud
) -> None:
    interrupt(stack, "CreateVpc", "provision")
    notes = stack.directory / "stack.json"
    ours = notes.read_text()
    known = json.loads(ours)
    notes.write_text(json.dumps({**known, "target": {**known["target"], "account": "999999999999"}}))
    for action in (["uninstall", "--yes"], ["check"]):
        said = stack.run(*action, code=3)
        assert f"the account {known['target']['account']}, and stack {stack.name} is in 999999999999" in said
    assert notes.exists()
    assert cloud.leftovers() != {}
    notes.write_text(ours)
    stack.run("uninstall", "--yes")
    assert cloud.leftovers() == {}
