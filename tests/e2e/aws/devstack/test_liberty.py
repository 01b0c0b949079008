"""./romana-setup on AWS with its defaults: OpenStack Liberty by DevStack, on a controller and a compute node.

It takes a quarter of an hour, and installs what it needs by an uplink; so it runs only when it is named.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from open_cloud import OpenCloud
from romana_setup import Setup

from romana_install.config.devstack_releases import known_releases
from romana_install.targets.checks import DEFAULT_DEVSTACK

NAME = "liberty"
MIRRORS = "ROMANA_TEST_GIT_MIRRORS"


@pytest.fixture(scope="module")
def installed(live_place: Path) -> Iterator[Setup]:
    """A cloud of a controller and a compute node, which its own verification found in order, with instances."""
    debian = known_releases()[DEFAULT_DEVSTACK].debian
    settings: dict[str, Any] = {"openstack_engine": "devstack", "devstack_compute_node": 1}
    binds = [Path(os.environ[MIRRORS])] if MIRRORS in os.environ else []
    for mirrors in binds:
        settings["devstack_git_base"] = mirrors.as_uri()
    with OpenCloud(live_place / NAME, debian, binds) as cloud, cloud.world.network():
        setup = cloud.setup(NAME, **settings)
        setup.run("install")
        yield setup
        setup.run("uninstall", "--yes")
        assert cloud.leftovers() == {}
        assert cloud.machines() == []


def test_instances_reach_each_other(installed: Setup) -> None:
    checks = {check["name"] for check in installed.verify()["checks"]}
    assert "instances" in " ".join(checks)


def test_second_install_changes_nothing(installed: Setup) -> None:
    assert "changed=0" in installed.run("install")
