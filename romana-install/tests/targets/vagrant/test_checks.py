"""What is wrong with a configuration for Vagrant, told without asking it."""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path

import pytest

from romana_install.base.machine import MachineNetwork, Route
from romana_install.config.options import Options
from romana_install.config.read import read
from romana_install.config.settings import Config
from romana_install.state.stack import Stack
from romana_install.targets import checks
from romana_install.targets.vagrant.target import Vagrant

PROJECT = Path(__file__).parents[4]


def findings(*extra: str, existing: Stack | None = None, machine: MachineNetwork | None = None) -> list[str]:
    draft = read(PROJECT / "group_vars" / "all", ["openstack_engine=none", *extra])
    target = Vagrant.asked(Options(), draft.config, existing)
    return [str(finding) for finding in checks.findings(draft, target, existing, machine or MachineNetwork())]


def test_the_files_as_they_are() -> None:
    assert findings() == []
    assert findings("vagrant_provider=libvirt", "vagrant_box=debian/trixie64", "vagrant_box_url=/tmp/my.box") == []


@pytest.mark.parametrize("engine", ["packages", "devstack"])
def test_openstack_is_not_refused(engine: str) -> None:
    assert findings(f"openstack_engine={engine}", "devstack_release=2026.1") == []


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ("vagrant_provider=hyperv", "-e:vagrant_provider: is 'hyperv'; give virtualbox or libvirt"),
        ("vagrant_network=192.168.99.300/24", "-e:vagrant_network: '192.168.99.300/24' is not an IPv4 network"),
        ("vagrant_network=192.168.99.0/29", "-e:vagrant_network: 192.168.99.0/29 is too small"),
        ("vagrant_network=192.168.121.0/24", "-e:vagrant_network: 192.168.121.0/24 overlaps 192.168.121.0/24"),
        ("romana_cidr=192.0.0.0/8", "-e:romana_cidr: 192.0.0.0/8 overlaps 192.168.121.0/24"),
        ("vagrant_network=10.9.0.0/24", "romana_cidr: 10.0.0.0/8 overlaps the nodes' own network 10.9.0.0/24"),
        ("vagrant_controller_memory=100", "-e:vagrant_controller_memory: is 100; give a whole number from 512"),
        ("vagrant_compute_cpus=0", "-e:vagrant_compute_cpus: is 0; give a whole number from 1 to 64"),
        ("vagrant_box='a b'", "-e:vagrant_box: is 'a b'; give the name of a box"),
        ("vagrant_box_url=my.box", "-e:vagrant_box_url: is 'my.box'; give an absolute path or a URL"),
        ("vagrant_boot_timeout=5", "-e:vagrant_boot_timeout: is 5; give a whole number from 30 to 3600"),
        (
            "devstack_compute_node=300",
            "-e:devstack_compute_node: is 300; 192.168.99.0/24 (vagrant_network) holds up to",
        ),
    ],
)
def test_each_mistake_has_its_sentence(extra: str, expected: str) -> None:
    assert any(expected in finding for finding in findings(extra))


def test_a_network_this_machine_uses_is_refused_unless_virtualbox_keeps_it() -> None:
    def of(device: str) -> list[str]:
        return findings(machine=MachineNetwork((Route(IPv4Network("192.168.99.0/24"), device),)))

    assert of("vboxnet0") == []
    assert "overlaps this machine's route 192.168.99.0/24 (eth0)" in of("eth0")[0]


def test_machines_stay_with_their_provider(tmp_path: Path) -> None:
    target = Vagrant("libvirt")
    existing = Stack("romana", tmp_path, target.nodes(Config()), target, network="192.168.99.0/24")
    assert "the machines of stack romana are libvirt's" in findings(existing=existing)[0]
    assert findings("vagrant_provider=libvirt", existing=existing) == []
