"""A world for Vagrant with libvirt in it, and a stack there."""

from __future__ import annotations

import os
from collections.abc import Iterator

import box
import pytest
from places import PLACE
from romana_setup import PROJECT
from vagrant_world import VagrantSetup, VagrantWorld

from romana_install.ansible.release import NODE_PYTHON, build_release
from romana_install.state.stack import cache_home


@pytest.fixture(scope="module")
def world(request: pytest.FixtureRequest) -> Iterator[VagrantWorld]:
    """A world of one test module."""
    if os.geteuid() != 0:
        pytest.skip("namespaces and mounts need root")
    # The one thing that an installation fetches itself, from where no world has a way.
    build_release(PROJECT, cache_home() / "releases", NODE_PYTHON[box.RELEASE])
    with VagrantWorld(PLACE / "vagrant" / request.module.__name__.rpartition(".")[2]) as made:
        yield made


@pytest.fixture(scope="module")
def stack(world: VagrantWorld) -> VagrantSetup:
    """The stack of one test module; it goes with its world."""
    world.start_libvirt()
    world.add_box("libvirt")
    return VagrantSetup(
        world,
        "lab",
        "192.168.97.0/24",
        {
            "vagrant_provider": "libvirt",
            "vagrant_libvirt_driver": "qemu",
            "vagrant_controller_memory": 1024,
            "vagrant_compute_memory": 768,
            "vagrant_controller_cpus": 1,
            "vagrant_compute_cpus": 1,
            "vagrant_boot_timeout": 900,
            "devstack_compute_node": 0,
        },
    )
