"""What is asked of one region of an account is asked by one session."""

from __future__ import annotations

import pytest

from romana_install.targets.aws.account import Account

REGION = "eu-west-1"


def test_a_command_has_one_session_and_one_client_of_a_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    one, same, other = Account(REGION), Account(REGION, made_in="111111111111"), Account("eu-central-1")
    assert one.session is same.session
    assert one.client("sts") is same.client("sts")
    assert one.client("sts") is not one.client("ec2")
    assert [account.client("sts").meta.region_name for account in (one, other)] == [REGION, "eu-central-1"]
