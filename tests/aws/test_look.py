"""What plan shows where nobody can be asked, or need be."""

from __future__ import annotations

import json

from aws_setup import Cloud, Setup


def test_plan_without_credentials_says_what_it_could_not_do(stack: Setup) -> None:
    stack.variables.update({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""})
    output = stack.run("plan", devstack_compute_node=4)
    assert "not compared with what exists: credentials: there are none for AWS" in output
    assert "compute04" in output
    assert "about $0.51 an hour" in output


def test_policy_is_shown_without_asking_anybody(stack: Setup, cloud: Cloud) -> None:
    policy = json.loads(stack.run("plan", "--iam-policy"))
    assert policy["Version"] == "2012-10-17"
    assert cloud.calls() == []
