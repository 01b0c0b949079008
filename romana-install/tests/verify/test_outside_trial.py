"""Who asks a floating IP."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from romana_install.verify import outside_trial
from romana_install.verify.outside_trial import OutsideTrial


@pytest.mark.parametrize("by_ssh", [True, False])
def test_nothing_is_sent_from_here_where_only_ssh_leads_to_nodes(monkeypatch: pytest.MonkeyPatch, by_ssh: bool) -> None:
    asked: list[str] = []

    def answer(address: str) -> bool:
        asked.append(address)
        return True

    monkeypatch.setattr(outside_trial, "_is_answered", answer)
    target = SimpleNamespace(by_ssh=lambda _stack: by_ssh)
    stack: Any = SimpleNamespace(target=target, nodes=[], ssh_command=None, become_password=None)
    client: Any = SimpleNamespace(host=lambda _name: SimpleNamespace(address="192.0.2.10"))
    nobody: Any = None
    trial = OutsideTrial(stack, nobody, "trial", client, nobody)
    with trial._somebody_outside("controller") as asker:
        assert (asker is None, asked) == (by_ssh, [] if by_ssh else ["192.0.2.10"])
