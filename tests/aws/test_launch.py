"""An instance that EC2 takes an order for and ends right afterwards: that is said, and the next run mends it."""

from __future__ import annotations

import pytest
from aws_setup import Setup

ASKED = 1  # how often the checks before ask whether they may launch


@pytest.mark.parametrize(
    ("code", "message", "advice"),
    [
        (
            "Client.InternalError",
            "Client.InternalError: Client error on launch",
            "the key that encrypts volumes may not be used",
        ),
        ("Server.Mystery", "Server.Mystery: It is gone", "do what that asks for, and run again"),
    ],
)
def test_an_instance_that_ends_at_its_start_is_said_with_the_reason(
    stack: Setup, code: str, message: str, advice: str
) -> None:
    stack.cloud.rules({"action": "RunInstances", "skip": ASKED + 1, "end": {"code": code, "message": message}})
    output = stack.run("provision", code=1, devstack_compute_node=1)
    assert f"EC2 has ended compute01 right after the start: {message}" in output
    assert advice in output
    stack.cloud.rules()
    stack.provision(1)
    assert sorted(stack.cloud.instances()) == ["compute01", "controller"]
