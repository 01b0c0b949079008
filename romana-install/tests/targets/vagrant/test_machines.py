"""What Vagrant is given, and what is read of the programs it works with."""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path

import pytest

from romana_install.config.settings import Config
from romana_install.state.stack import Stack
from romana_install.targets.vagrant.boxes import box_findings
from romana_install.targets.vagrant.machines import box, ids, variables
from romana_install.targets.vagrant.program import Program, parse_version
from romana_install.targets.vagrant.target import Vagrant
from romana_install.targets.vagrant.virtualbox import parse_networks


def stack(directory: Path, config: Config, engine: str = "none") -> Stack:
    return Stack(
        "lab",
        directory,
        Vagrant().nodes(config),
        Vagrant(config.vagrant_provider),
        engine=engine,
        network=config.vagrant_network,
        release="2026.1" if engine == "devstack" else "",
    )


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (Config(local_debian_release="trixie"), "bento/debian-13"),
        (Config(vagrant_provider="libvirt", local_debian_release="trixie"), "debian/trixie64"),
        (Config(vagrant_provider="libvirt", local_debian_release="bookworm"), "debian/bookworm64"),
        (Config(vagrant_box="mine/own"), "mine/own"),
    ],
)
def test_the_box_follows_provider_and_debian(config: Config, expected: str) -> None:
    assert box(config) == expected


def test_machines_have_address_and_size(tmp_path: Path) -> None:
    config = Config(
        local_debian_release="trixie",
        vagrant_network="192.168.80.0/22",
        vagrant_compute_memory=1024,
        vagrant_controller_cpus=4,
    )
    made = variables(config, stack(tmp_path, config))
    assert made["stack_netmask"] == "255.255.252.0"
    assert made["stack_machines"] == [
        {"name": "controller", "address": "192.168.80.10", "memory": 4096, "cpus": 4},
        {"name": "compute01", "address": "192.168.80.11", "memory": 1024, "cpus": 2},
    ]


def test_ids_are_those_of_the_provider(tmp_path: Path) -> None:
    for provider in ("virtualbox", "libvirt"):
        path = tmp_path / ".vagrant/machines/controller" / provider
        path.mkdir(parents=True)
        (path / "id").write_text(f"{provider}-1\n")
    assert ids(stack(tmp_path, Config()), "libvirt") == {"libvirt-1"}


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("Vagrant 2.3.4", (2, 3, 4)),
        ("2.4.9", (2, 4, 9)),
        ("WARNING: linux-headers-6.1.0 is missing\n7.0.20r163906\n", (7, 0, 20)),
        ("", ()),
    ],
)
def test_versions_are_read(text: str, version: tuple[int, ...]) -> None:
    assert parse_version(text) == version


def test_networks_that_virtualbox_allows_are_read() -> None:
    text = "# ours\n* 10.0.0.0/8 192.168.0.0/16 # both\n* 2001::/64\n\nx 172.16.0.0/12\n"
    assert parse_networks(text) == [IPv4Network("10.0.0.0/8"), IPv4Network("192.168.0.0/16")]


def test_a_box_from_a_file_needs_the_file(tmp_path: Path) -> None:
    program, file = Program((2, 3, 4)), tmp_path / "my.box"
    program.__dict__["boxes"] = frozenset()
    config = Config(local_debian_release="trixie", vagrant_box_url=f"file://{file}")
    (finding,) = box_findings(config, program)
    assert str(file) in finding.text
    file.touch()
    assert list(box_findings(config, program)) == []
