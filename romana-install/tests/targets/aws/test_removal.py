"""What is still listed after a removal, which AWS is asked for until it is gone."""

from __future__ import annotations

import pytest

from romana_install.targets.aws import removal
from romana_install.targets.aws.account import Account
from romana_install.targets.aws.resources import Resource

VPC = Resource("VPC", "vpc-1")


@pytest.mark.parametrize(("listed", "left"), [([1, 1, 0], False), ([1] * removal.LOOKS, True), ([0], False)])
def test_what_is_listed_for_some_time_yet_is_not_left(
    monkeypatch: pytest.MonkeyPatch, listed: list[int], left: bool
) -> None:
    answers = iter([[VPC] * count for count in listed])
    monkeypatch.setattr(removal, "there", lambda *_: next(answers))
    monkeypatch.setattr(removal, "PAUSE", 0)
    found = removal.left(Account("eu-west-1"), "demo")
    assert bool(found) is left
    assert next(answers, None) is None, "it is not asked more often than needed"
