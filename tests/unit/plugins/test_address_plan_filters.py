"""The filters over the address plan."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from plugins.filter.address_plan import FilterModule

FILTERS = FilterModule().filters()


@pytest.mark.parametrize(
    ("name", "value", "plan", "result"),
    [
        ("romana_host_network", 1, None, "10.1.0.0/16"),
        ("romana_host_network", "255", {}, "10.255.0.0/16"),
        ("romana_host_network", 1, {"cidr": "172.16.0.0/12", "host_bits": 4}, "172.17.0.0/16"),
        ("romana_gateway", 0, None, "10.0.0.1/16"),
        ("romana_address", {"host": 0, "tenant": 1, "segment": 2, "endpoint": 5}, None, "10.0.18.5"),
        ("romana_locate", "10.0.19.5", None, {"host": 0, "tenant": 1, "segment": 3, "endpoint": 5}),
    ],
)
def test_filter_computes(name: str, value: Any, plan: dict[str, Any] | None, result: Any) -> None:
    assert FILTERS[name](value, plan) == result


def test_locate_and_address_are_each_others_reverse() -> None:
    assert FILTERS["romana_address"](FILTERS["romana_locate"]("10.7.34.9")) == "10.7.34.9"


@pytest.mark.parametrize(
    ("name", "value", "plan", "message"),
    [
        ("romana_gateway", 256, None, "romana_gateway: host 256 is outside 0..255"),
        ("romana_gateway", "one", None, "romana_gateway: invalid literal"),
        ("romana_gateway", 0, {"host_bits": 9}, "take away 1"),
        ("romana_gateway", 0, {"hosts": 9}, "the plan has no hosts; its keys are cidr, host_bits"),
        ("romana_locate", "192.168.99.10", None, "192.168.99.10 is outside the address plan 10.0.0.0/8"),
        ("romana_address", {"host": 0}, None, "the location has the keys host; give host, tenant"),
        ("romana_address", {"host": 0, "tenant": 1, "segment": 1, "endpoint": 255}, None, "endpoint 255 is outside"),
    ],
)
def test_error_names_the_filter_and_the_reason(name: str, value: Any, plan: Any, message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=f"^{name}: ") as caught:
        FILTERS[name](value, plan)
    assert message in str(caught.value)


def test_without_romana_core_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "romana.addressing", None)
    with pytest.raises(AnsibleFilterError, match="romana-core is not on Ansible's Python path; run Ansible through"):
        FILTERS["romana_gateway"](0)
