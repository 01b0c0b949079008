"""The firewall as data, without a kernel."""

from __future__ import annotations

import json
from ipaddress import IPv4Address

import pytest

from romana.agent.desired import Desired, desired
from romana.agent.ruleset import change, create, elements, inet_table, observe
from romana.models import HostState, Plan, StateEndpoint, StateHost, StateSegment


def wanted(segments: int = 1, endpoints: int = 1) -> Desired:
    return desired(
        HostState(
            generation=1,
            plan=Plan(),
            host=StateHost(name="a", index=0, address=IPv4Address("192.168.99.10")),
            peers=[StateHost(name="b", index=7, address=IPv4Address("192.168.99.17"))],
            segments=[StateSegment(tenant=1 + n // 15, segment=1 + n % 15) for n in range(segments)],
            rules=[],
            endpoints=[
                StateEndpoint(id=f"e{n}", address=IPv4Address(f"10.0.17.{3 + n}"), mac="02:00:00:00:00:01",
                              interface=f"tap{n}") for n in range(endpoints)
            ],
        )
    )  # fmt: skip


def test_rules_do_not_depend_on_how_much_there_is() -> None:
    assert create(inet_table(wanted(1, 1))) == create(inet_table(wanted(200, 200)))


def test_only_what_differs_is_changed() -> None:
    before, after = elements(wanted(2, 1), [])["inet"], elements(wanted(2, 2), [])["inet"]
    assert change("inet", after, before) == [
        "add element inet romana taps { tap1 }",
        "add element inet romana sources { tap1 . 02:00:00:00:00:01 . 0.0.0.0, tap1 . 02:00:00:00:00:01 . 10.0.17.4 }",
        "add element inet romana clients { tap1 . 2199023255553 }",
    ]
    assert change("inet", before, before) == []


def test_a_tap_stays_shut_while_it_outlives_its_endpoint() -> None:
    members = elements(wanted(1, 0), ["tap9"])["inet"]
    assert members["taps"] == {("tap9",)}
    assert not members["sources"]


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ("10.0.0.1", ("10.0.0.1",)),
        ({"prefix": {"addr": "192.168.0.0", "len": 24}}, ("192.168.0.0-192.168.0.255",)),
        ({"concat": ["tap1", {"range": [80, 90]}, {"range": [7, 7]}, 6]}, ("tap1", "80-90", "7", "6")),
        ({"concat": [{"prefix": {"addr": "10.0.0.1", "len": 32}}, {"range": ["1.1.1.1", "1.1.1.3"]}]},
         ("10.0.0.1", "1.1.1.1-1.1.1.3")),
        ({"elem": {"val": "tap1", "comment": "x"}}, ("tap1",)),
    ],
)  # fmt: skip
def test_elements_are_read_in_every_form_nft_prints(listed: object, expected: tuple[str, ...]) -> None:
    listing = {"nftables": [{"set": {"name": "s", "type": "ifname", "elem": [listed]}}]}
    assert observe(json.dumps(listing)).elements == {"s": {expected}}
