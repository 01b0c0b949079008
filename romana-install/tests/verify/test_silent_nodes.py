"""A node that says nothing is not one that is well."""

from __future__ import annotations

from pathlib import Path

import pytest

from romana_install.state.stack import Node, Stack
from romana_install.targets.local.target import Local
from romana_install.verify import stack as verification
from romana_install.verify.findings import Findings
from romana_install.verify.nodes import Answer

NODE = Node("controller", "192.168.99.10", 0, True, True)
SILENCE = "cannot be reached: no answer"


@pytest.mark.parametrize("engine", ["none", "packages"])
def test_a_node_that_does_not_answer_fails_verification(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "ask_nodes", lambda _: {NODE: Answer(silence=SILENCE)})
    findings = Findings()
    verification._look_at_nodes(Stack("demo", tmp_path, (NODE,), Local(), engine), findings)
    (check,) = findings.report(0).checks
    assert (check.name, check.ok) == ("health", False)
    assert f"controller: {SILENCE}" in check.detail
