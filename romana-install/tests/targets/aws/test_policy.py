"""The permissions that are asked for."""

from __future__ import annotations

import json

from botocore.session import get_session

from romana_install.targets.aws import policy

KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def test_every_action_is_one_that_aws_has() -> None:
    session = get_session()
    names = {"ec2": "ec2", "iam": "iam", "kms": "kms", "sts": "sts", "servicequotas": "service-quotas"}
    known = {prefix: set(session.get_service_model(name).operation_names) for prefix, name in names.items()}
    known["kms"] |= {"ReEncryptFrom", "ReEncryptTo"}  # of which one operation takes both
    parts = policy.document("eu-west-1", KEY)["Statement"]
    for action in (action for part in parts for action in part["Action"]):
        service, _, operation = action.partition(":")
        assert operation in known[service], action


def test_what_is_there_is_only_removed_when_it_is_a_stacks() -> None:
    look, make, remove = policy.document("eu-west-1")["Statement"]
    assert all(action.split(":")[1].startswith(("Describe", "Get", "List")) for action in look["Action"])
    assert make["Condition"] == {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}
    assert remove["Condition"]["StringLike"] == {"aws:ResourceTag/romana:stack": "*"}
    removing = [action for action in make["Action"] if "Terminate" in action or action.startswith("ec2:DeleteV")]
    assert removing == []


def test_it_fits_what_iam_takes() -> None:
    assert len(json.dumps(policy.document("eu-west-1", KEY), separators=(",", ":"))) < 6144  # of a managed policy
