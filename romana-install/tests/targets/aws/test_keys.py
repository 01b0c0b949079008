"""What is said of a key by its state. That it is asked for is tested where there is somebody to ask: tests/e2e/aws."""

from __future__ import annotations

import pytest
from botocore.session import get_session

from romana_install.targets.aws.keys import state_findings

STATES = get_session().get_service_model("kms").shape_for("KeyState").enum


@pytest.mark.parametrize("state", ["Enabled", "Updating"])
def test_a_key_that_can_be_used(state: str) -> None:
    assert list(state_findings("arn:1", state)) == []


@pytest.mark.parametrize("state", sorted({*STATES, "Mysterious"} - {"Enabled", "Updating"}))
def test_a_key_that_cannot(state: str) -> None:
    (found,) = state_findings("arn:1", state)
    assert found.text.startswith(f"arn:1 is {state}, so EC2 would end every new instance right after its start; ")
    assert ("documentation" in found.text) == (state == "Mysterious")
    assert "KEY" not in found.text
    assert ("cancel-key-deletion --key-id arn:1" in found.text) == state.endswith("Deletion")
    assert "modify-ebs-default-kms-key-id" in found.text
