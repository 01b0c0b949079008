"""Machines of somebody else that have the name of one that is to be made."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

from romana_install.config.settings import Config
from romana_install.state.stack import Stack
from romana_install.targets.vagrant import libvirt, preflight, virtualbox
from romana_install.targets.vagrant.target import Vagrant


@pytest.mark.parametrize(
    ("provider", "fix"),
    [
        (libvirt, "in libvirt .*: virsh .* undefine romana-demo-compute01 --remove-all-storage"),
        (virtualbox, "in VirtualBox .*: VBoxManage unregistervm romana-demo-compute01 --delete"),
    ],
)
def test_machine_of_another_is_said_with_what_removes_it(
    provider: ModuleType, fix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = Vagrant(provider.NAME.lower())
    stack = Stack(name="demo", directory=tmp_path, nodes=target.nodes(Config()), target=target)
    ours = tmp_path / ".vagrant" / "machines" / "controller" / target.provider
    ours.mkdir(parents=True)
    (ours / "id").write_text("1\n")
    there = {"romana-demo-controller": "1", "romana-demo-compute01": "2", "romana-other-compute02": "3"}
    monkeypatch.setattr(provider, "machines", lambda: there)
    (found,) = preflight.clashes(provider, stack, ["controller", "compute01", "compute02"])
    assert found.where == "machine romana-demo-compute01"
    assert re.search(fix, found.text)
