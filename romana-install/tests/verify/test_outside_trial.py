"""Who asks a floating IP."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from romana_install.verify import outside_trial
from romana_install.verify.cloud import CloudError
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


@pytest.mark.parametrize(
    ("refusal", "given"),
    [
        ("", True),
        ("409: host compute01, where port p is, has none free; delete one there that is not needed", False),
        ("409 IpAddressGenerationFailure: No more IP addresses available on network n.", False),
        ("409: endpoint e has floating IP 192.0.2.1 already", None),
    ],
)
def test_a_floating_ip_is_made_for_the_port_that_gets_it(refusal: str, given: bool | None) -> None:
    asked: list[Any] = []

    def post(service: str, path: str, body: Any) -> Any:
        asked.append((service, path, body))
        if refusal:
            raise CloudError(refusal)
        return {"floatingip": {"id": "f", "floating_ip_address": "192.0.2.9"}}

    nobody: Any = None
    cloud: Any = SimpleNamespace(post=post)
    trial = OutsideTrial(nobody, cloud, "trial", nobody, nobody)
    if given is None:
        with pytest.raises(CloudError, match="has floating IP"):
            trial._give("p")
    else:
        assert trial._give("p") is given
    wanted = {"floating_network_id": "", "port_id": "p", "description": "trial"}
    assert asked == [("network", "/v2.0/floatingips", {"floatingip": wanted})]
