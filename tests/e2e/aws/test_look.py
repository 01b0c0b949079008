"""What plan shows where nobody can be asked, or need be."""

from __future__ import annotations

import json
from typing import Any

from aws_setup import Cloud, Setup

GENERAL = ["Look", "MakeAndChange", "RemoveWhatStacksHave"]


def test_plan_without_credentials_says_what_it_could_not_do(stack: Setup) -> None:
    stack.variables.update({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""})
    output = stack.run("plan", devstack_compute_node=4)
    assert "not compared with what exists: credentials: there are none for AWS" in output
    assert "compute04" in output
    assert "about $0.51 an hour" in output


def statements(stack: Setup) -> dict[str, dict[str, Any]]:
    policy = json.loads(stack.run("plan", "--iam-policy"))
    assert policy["Version"] == "2012-10-17"
    return {part["Sid"]: part for part in policy["Statement"]}


def test_policy_is_shown_where_nobody_can_be_asked(stack: Setup, cloud: Cloud) -> None:
    stack.variables.update({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""})
    assert list(statements(stack)) == GENERAL
    assert cloud.calls() == []


def test_policy_has_nothing_about_a_key_that_aws_manages(stack: Setup, cloud: Cloud) -> None:
    assert list(statements(stack)) == GENERAL
    assert [call["action"] for call in cloud.calls()] == ["GetEbsDefaultKmsKeyId"]


def test_policy_has_what_the_accounts_own_key_takes_and_no_more(stack: Setup, cloud: Cloud) -> None:
    key = cloud.own_key()
    found = statements(stack)
    assert list(found) == [*GENERAL, "LookAtKeyOfVolumes", "UseKeyOfVolumes", "LendKeyOfVolumes"]
    about_key = list(found.values())[len(GENERAL) :]
    assert {part["Resource"] for part in about_key} == {key}
    assert found["LendKeyOfVolumes"]["Action"] == ["kms:CreateGrant"]
    assert found["LendKeyOfVolumes"]["Condition"]["Bool"] == {"kms:GrantIsForAWSResource": "true"}
    for name in ("UseKeyOfVolumes", "LendKeyOfVolumes"):
        assert found[name]["Condition"]["StringLike"] == {"kms:ViaService": "ec2.eu-west-1.amazonaws.com*"}
