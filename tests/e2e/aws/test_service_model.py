"""What holds calls against the service model finds what is wrong with them."""

from __future__ import annotations

import pytest
from service_model import models, problems


@pytest.mark.parametrize(
    "wrong",
    [
        {"TagSpecification.1.ResourceType": "subnets"},
        {"TagSpecification.one.ResourceType": "subnet"},
        {"Vpc": "vpc-1", "VpcId": "vpc-1"},
        {"DryRun": "yes", "VpcId": "vpc-1"},
        {},
    ],
)
def test_a_wrong_call_is_noticed(wrong: dict[str, str]) -> None:
    assert problems(models()["ec2"], {"action": "CreateSubnet", "parameters": wrong}) != []


def test_a_right_call_is_let_pass() -> None:
    good = {"action": "CreateSubnet", "parameters": {"VpcId": "vpc-1", "TagSpecification.1.ResourceType": "subnet"}}
    assert problems(models()["ec2"], good) == []
