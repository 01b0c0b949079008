"""A stack in a real account of AWS, for whoever names one; removed again, whatever happens to it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest
from romana_setup import Setup

REGION, PROFILE = "ROMANA_TEST_AWS_REGION", "ROMANA_TEST_AWS_PROFILE"
MORE = "ROMANA_TEST_AWS_SETTINGS"  # as JSON; what an account's organization demands
TYPE = "t3.small"
SETTINGS = {
    "ttl_hours": 1,  # whatever becomes of us, they stop
    "aws_instance_type_controller": TYPE,
    "aws_instance_type_compute": TYPE,
    "aws_volume_size": 15,
    "aws_tags": {"purpose": "tests of Romana"},
}
WHAT = f"two instances ({TYPE}) for an hour at most, which cost money"


def pytest_report_header() -> list[str]:
    """What this is, before it begins."""
    where = f"in {os.environ.get(REGION, '(no region)')} by the profile {os.environ.get(PROFILE, '(none)')}"
    return [
        f"AWS itself: {WHAT}, {where}",
        "The authors have no account of AWS and have never run this there: up to its machines, on an emulated EC2.",
    ]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setup]:
    missing = [name for name in (REGION, PROFILE) if not os.environ.get(name)]
    if missing:
        pytest.skip(f"makes {WHAT}, on AWS: only where {' and '.join(missing)} says where, and as whom")
    where = {"region": os.environ[REGION], "aws_profile": os.environ[PROFILE]}
    settings = {**SETTINGS, **where, **json.loads(os.environ.get(MORE) or "{}")}
    made = Setup(tmp_path_factory.mktemp("real"), f"real-{os.getpid()}", "", settings, target="aws")
    try:
        yield made
    finally:
        made.run("uninstall", "--yes")
