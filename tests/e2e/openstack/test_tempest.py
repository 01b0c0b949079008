"""All of OpenStack's own tests that a cloud of ours has a part in; three quarters of an hour, so by name only."""

from __future__ import annotations

import pytest
from romana_setup import Setup
from tempest_cloud import PAGE, Outcome, failures, page, run_whole


@pytest.fixture(scope="module")
def outcomes(stack: Setup, tmp_path_factory: pytest.TempPathFactory) -> list[Outcome]:
    return run_whole(stack, tmp_path_factory.mktemp("tempest"))


def test_none_fails(outcomes: list[Outcome]) -> None:
    assert failures(outcomes) == {}


def test_page_says_what_is_skipped(outcomes: list[Outcome]) -> None:
    assert page(outcomes).splitlines() == PAGE.read_text().splitlines()
