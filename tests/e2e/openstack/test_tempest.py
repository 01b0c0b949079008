"""All of OpenStack's own tests that a cloud of ours has a part in; most of an hour, so by name only."""

from __future__ import annotations

import pytest
from romana_setup import Setup
from tempest_cloud import PAGE, WHOLE, Outcome, failures, page, run


@pytest.fixture(scope="module")
def outcomes(stack: Setup, tmp_path_factory: pytest.TempPathFactory) -> list[Outcome]:
    return run(stack, tmp_path_factory.mktemp("tempest"), WHOLE)


def test_none_fails(outcomes: list[Outcome]) -> None:
    assert failures(outcomes) == {}


def test_page_says_what_is_skipped(outcomes: list[Outcome]) -> None:
    assert page(outcomes).splitlines() == PAGE.read_text().splitlines()
