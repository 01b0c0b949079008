"""What Vagrant's preflight finds on a machine, whose path these tests choose."""

from __future__ import annotations

from pathlib import Path

import pytest

from romana_install.config.settings import Config
from romana_install.state.stack import Stack
from romana_install.targets import preflight as common
from romana_install.targets.nodes import Change
from romana_install.targets.target import Intent
from romana_install.targets.vagrant import preflight
from romana_install.targets.vagrant.target import Vagrant


def program(path: Path, says: str) -> None:
    """One that knows its version, and nothing else."""
    path.write_text(f"#!/bin/sh\n[ \"$1\" = --version ] && echo '{says}'\n")
    path.chmod(0o755)


def found(tmp_path: Path, config: Config) -> dict[str, str]:
    """All findings for new machines, by what they are about."""
    target = Vagrant(config.vagrant_provider)
    asked = target.nodes(config)
    directory = tmp_path / "state"
    directory.mkdir()
    stack = Stack("lab", directory, asked, target, engine="none", network=config.vagrant_network)
    config = config.model_copy(update={"local_debian_release": "trixie"})
    findings = preflight.findings(Intent(config, stack, Change(add=asked, remove=(), keep=()), None, []))
    return {finding.where: finding.text for finding in findings}


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only directory in which programs are found."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))
    return directory


def test_what_is_not_installed_is_found(tmp_path: Path, programs: Path) -> None:
    assert not list(programs.iterdir())
    findings = found(tmp_path, Config())
    assert findings["vagrant"].startswith("is not installed; install it: apt-get install vagrant")
    assert "install it, or give -e vagrant_provider=libvirt" in findings["vagrant_provider"]


def test_vagrant_that_is_older_than_virtualbox_is_found(tmp_path: Path, programs: Path) -> None:
    program(programs / "vagrant", "Vagrant 2.3.4")
    program(programs / "VBoxManage", "7.1.4r165100")
    assert found(tmp_path, Config())["vagrant"] == (
        "is 2.3.4, and VirtualBox 7.1.4 is known from 2.4.2 on; install a newer Vagrant, or an older VirtualBox"
    )


def test_vagrant_without_the_plugin_for_libvirt_is_found(tmp_path: Path, programs: Path) -> None:
    program(programs / "vagrant", "Vagrant 2.3.4")
    findings = found(tmp_path, Config(vagrant_provider="libvirt"))
    assert "apt-get install vagrant-libvirt" in findings["vagrant_provider"]


def test_memory_that_is_not_there_is_found(tmp_path: Path, programs: Path) -> None:
    assert programs.is_dir()
    megabytes = 2 * common.available_memory() // preflight.MIB
    assert "lower vagrant_controller_memory" in found(tmp_path, Config(vagrant_controller_memory=megabytes))["memory"]


def test_a_disk_that_is_too_small_is_found(tmp_path: Path, programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert programs.is_dir()
    monkeypatch.setattr(common, "free", lambda _: common.GIB)
    assert found(tmp_path, Config(vagrant_provider="libvirt"))["disk space in /var/lib/libvirt/images"] == (
        "1.0 GiB are free, 6 GiB are needed for new machines; make room"
    )
