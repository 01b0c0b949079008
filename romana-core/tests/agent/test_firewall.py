"""How much the agent does for a firewall that is as it must be."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from unittest.mock import Mock

import pytest
from agent_lab import Namespace
from inside import inside

from romana.agent import firewall
from romana.agent.config import AgentSettings
from romana.agent.firewall import Firewall, Surroundings

from .test_ruleset import wanted

pytestmark = pytest.mark.root

HERE = Surroundings(present=frozenset({"tap0"}), needed=frozenset(), front=frozenset({"eth0"}))


@pytest.fixture
def kept() -> Iterator[Firewall]:
    """The firewall of a network namespace."""
    with closing(Namespace(f"r{secrets.token_hex(3)}")) as namespace, inside(namespace.name):
        yield Firewall(AgentSettings(host="a", url="https://a", token_file=Path("token")))


def test_elements_are_worked_out_once_for_each_change(kept: Firewall, monkeypatch: pytest.MonkeyPatch) -> None:
    elements = Mock(wraps=firewall.elements)
    monkeypatch.setattr(firewall, "elements", elements)
    for state in (wanted(endpoints=1), wanted(endpoints=2)):
        elements.reset_mock()
        assert kept.apply(state, HERE)
        assert kept.apply(state, HERE) == []
        assert elements.call_count == 1


def test_rules_are_set_once_more_when_they_are_looked_at_first_and_then_known(kept: Firewall) -> None:
    state = wanted()
    assert ["table made" in said for said in kept.apply(state, HERE)] == [True] * 3
    kept.distrust()
    assert ["rules set" in said for said in kept.apply(state, HERE)] == [True] * 3
    kept.distrust()
    assert kept.apply(state, HERE) == []


def test_an_interface_that_has_gone_is_shut_no_longer(kept: Firewall) -> None:
    kept.apply(wanted(endpoints=1), HERE)
    nobody = wanted(endpoints=0)
    kept.apply(nobody, HERE)
    assert kept.elements()["taps"] == kept.elements("arp")["taps"] == {("tap0",)}
    kept.apply(nobody, Surroundings(present=frozenset(), needed=frozenset(), front=frozenset({"eth0"})))
    assert kept.elements()["taps"] == kept.elements("arp")["taps"] == frozenset()
