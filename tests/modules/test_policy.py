"""The modules policy and policy_info against a real romana-server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .conftest import Server

WEB: dict[str, Any] = {
    "name": "office-web",
    "source": {"cidr": "192.168.99.0/24"},
    "target": {"tenant": "demo", "segment": "s1"},
    "protocol": "tcp",
    "ports": ["80", "8000-8010"],
}


@pytest.fixture(autouse=True)
def _demo(server: Server) -> None:
    server.module("tenant", name="demo", segments=["s1", "s2"])


@pytest.mark.parametrize("missing", ["name", "source", "target"])
def test_name_source_and_target_are_required(server: Server, missing: str) -> None:
    arguments = {key: value for key, value in WEB.items() if key != missing}
    assert f"missing: {missing}" in server.module("policy", **arguments)["msg"].replace("required arguments", "missing")


def test_check_mode_makes_nothing(server: Server) -> None:
    result = server.module("policy", check=True, **WEB)
    assert (result["changed"], result["diff"], result["policy"]) == (True, {"before": {}, "after": WEB}, WEB)
    assert server.client.policies() == []


def test_policy_is_made_once(server: Server) -> None:
    made = server.module("policy", **WEB)
    assert made["changed"]
    (known,) = server.client.policies()
    assert (known.name, str(known.source.cidr), known.target.segment) == ("office-web", "192.168.99.0/24", "s1")
    again = server.module("policy", **WEB)
    assert (again["changed"], again["diff"], again["policy"]) == (False, {"before": WEB, "after": WEB}, made["policy"])


def test_ports_in_another_order_and_as_numbers_are_no_change(server: Server) -> None:
    server.module("policy", **WEB)
    assert not server.module("policy", **{**WEB, "ports": ["8000-8010", 80]})["changed"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"ports": ["http"]}, "port 'http' is no port of 1 to 65535"),
        ({"protocol": "icmp"}, "ports need protocol tcp or udp, not icmp"),
        ({"protocol": "sctp"}, "value of protocol must be one of: any, tcp, udp, icmp, got: sctp"),
        ({"source": {"cidr": "10.0.0.1/8"}}, "cidr '10.0.0.1/8' is no network (10.0.0.1/8 has host bits set)"),
        ({"source": {"tenant": "demo", "cidr": "10.0.0.0/8"}}, "parameters are mutually exclusive: tenant|cidr"),
        ({"source": {"segment": "s1"}}, "one of the following is required: tenant, cidr found in source"),
        ({"source": {"cidr": "10.0.0.0/8", "segment": "s1"}}, "missing parameter(s) required by 'segment': tenant"),
        ({"target": {"cidr": "172.16.0.0/12"}}, "cannot make policy office-web: "),
        ({"target": {"tenant": "nobody"}}, "cannot make policy office-web: "),
        ({"target": {"tenant": "demo", "segment": "s9"}}, "cannot make policy office-web: "),
    ],
)
def test_wrong_value_is_refused_with_the_reason(server: Server, arguments: dict[str, Any], message: str) -> None:
    result = server.module("policy", **{**WEB, **arguments})
    assert message in result["msg"]
    assert "\n" not in result["msg"]
    assert server.client.policies() == []


def test_policy_is_changed(server: Server) -> None:
    server.module("policy", **WEB)
    wanted = {**WEB, "target": {"tenant": "demo"}, "ports": ["443"]}
    checked = server.module("policy", check=True, **wanted)
    assert (checked["changed"], checked["diff"]) == (True, {"before": WEB, "after": wanted})
    assert server.client.policies()[0].ports == ["80", "8000-8010"]
    changed = server.module("policy", **wanted)
    assert (changed["changed"], changed["policy"]["ports"]) == (True, ["443"])
    (known,) = server.client.policies()
    assert (known.ports, known.target.segment) == (["443"], None)
    assert not server.module("policy", **wanted)["changed"]


def test_policy_that_cannot_be_changed_stays(server: Server) -> None:
    server.module("policy", **WEB)
    refused = server.module("policy", **{**WEB, "target": {"tenant": "nobody"}})
    assert refused["msg"].startswith("cannot change policy office-web: ")
    assert [policy.target.tenant for policy in server.client.policies()] == ["demo"]


def test_tenant_that_a_policy_names_is_not_removed(server: Server) -> None:
    server.module("policy", **WEB)
    assert server.module("tenant", name="demo", state="absent")["msg"].startswith("cannot remove tenant demo: ")


def test_policy_is_removed_once(server: Server) -> None:
    server.module("policy", **WEB)
    gone: dict[str, Any] = {"name": "office-web", "state": "absent"}
    assert server.module("policy", check=True, **gone)["diff"] == {"before": WEB, "after": {}}
    assert len(server.client.policies()) == 1
    assert server.module("policy", **gone)["changed"]
    again = server.module("policy", **gone)
    assert (again["changed"], again["policy"]) == (False, {})


def test_info_lists_all_or_one(server: Server) -> None:
    assert server.module("policy_info")["policies"] == []
    server.module("policy", **WEB)
    assert [policy["name"] for policy in server.module("policy_info")["policies"]] == ["office-web"]
    assert len(server.module("policy_info", name="office-web")["policies"]) == 1
    assert server.module("policy_info", name="other")["policies"] == []
