"""What an action works on, as it follows from configuration and stack."""

from __future__ import annotations

from pathlib import Path

import pytest

from romana_install.actions.context import wanted
from romana_install.cli import main as cli


def test_phases(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    def phases(*words: str) -> list[str]:
        extra = [part for word in ("local_network=192.168.213.0/24", *words) for part in ("-e", word)]
        return wanted(cli.parse(["-t", "local", *extra])).phases

    assert phases() == ["release", "provision", "prepare", "openstack", "romana", "tenants", "demo", "verify"]
    assert phases("openstack_demo=false") == [phase for phase in phases() if phase != "demo"]
    assert phases("openstack_engine=none") == ["release", "provision", "prepare", "romana", "tenants", "verify"]
