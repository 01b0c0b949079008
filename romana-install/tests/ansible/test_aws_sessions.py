"""Modules that ask AWS in the same way share a session and a client."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3.session
import pytest
from botocore.config import Config

from romana_install.ansible import aws_sessions as sessions

IRELAND, FRANKFURT = "eu-west-1", "eu-central-1"


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boto3.session, "Session", boto3.session.Session)  # puts it back
    for _ in range(2):
        sessions.keep()


def client(service: str = "ec2", region: str = IRELAND, agent: str = "module", key: str = "mine") -> Any:
    """What a module of Ansible's does."""
    session = boto3.session.Session(profile_name=None)
    login = {"aws_access_key_id": key, "aws_secret_access_key": "x"}
    return session.client(service, config=Config(user_agent=agent), region_name=region, endpoint_url=None, **login)


def test_those_that_are_alike_are_shared() -> None:
    assert client() is client()
    assert client().meta.region_name == IRELAND


@pytest.mark.parametrize("other", [{"service": "sts"}, {"region": FRANKFURT}, {"agent": "other"}, {"key": "theirs"}])
def test_all_others_are_not(other: dict[str, str]) -> None:
    assert client(**other) is not client()
    assert client(**other) is client(**other)


def test_a_profile_has_a_session_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[profile one]\nregion = eu-west-1\n[profile two]\nregion = eu-central-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    regions = [boto3.session.Session(profile_name=name).client("sts").meta.region_name for name in ("one", "two")]
    assert regions == [IRELAND, FRANKFURT]
