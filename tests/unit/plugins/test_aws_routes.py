"""What the module aws_routes would change."""

from __future__ import annotations

from typing import Any

from plugins.modules.aws_routes import Difference, difference, wanted

LOCAL = {"DestinationCidrBlock": "192.168.99.0/24", "GatewayId": "local", "Origin": "CreateRouteTable"}
ENDPOINT = {"DestinationPrefixListId": "pl-1", "GatewayId": "vpce-1", "Origin": "CreateRoute"}


def route(network: str, **target: str) -> dict[str, str]:
    return {"DestinationCidrBlock": network, "Origin": "CreateRoute", "State": "active", **target}


def change(interfaces: dict[str, str], *routes: dict[str, Any]) -> Difference:
    return difference(wanted("igw-1", interfaces), {"Routes": [LOCAL, ENDPOINT, *routes]})


def test_routes_are_created() -> None:
    assert change({"10.1.0.0/16": "eni-1", "10.0.0.0/16": "eni-0"}) == Difference(
        ["0.0.0.0/0", "10.0.0.0/16", "10.1.0.0/16"], [], []
    )


def test_nothing_changes_when_all_is_there() -> None:
    there = (
        route("0.0.0.0/0", GatewayId="igw-1"),
        route("10.0.0.0/16", NetworkInterfaceId="eni-0", InstanceId="i-0"),
    )
    assert change({"10.0.0.0/16": "eni-0"}, *there) == Difference([], [], [])


def test_a_route_that_leads_elsewhere_is_replaced() -> None:
    there = (route("0.0.0.0/0", GatewayId="igw-2"), route("10.0.0.0/16", NetworkInterfaceId="eni-9"))
    assert change({"10.0.0.0/16": "eni-0"}, *there) == Difference([], ["0.0.0.0/0", "10.0.0.0/16"], [])


def test_a_route_to_what_is_gone_is_replaced() -> None:
    gone = {**route("10.0.0.0/16", NetworkInterfaceId="eni-0"), "State": "blackhole"}
    there = (route("0.0.0.0/0", GatewayId="igw-1"), gone)
    assert change({"10.0.0.0/16": "eni-0"}, *there) == Difference([], ["10.0.0.0/16"], [])


def test_routes_that_are_not_wanted_are_deleted() -> None:
    there = (route("0.0.0.0/0", GatewayId="igw-1"), route("10.7.0.0/16", NetworkInterfaceId="eni-7"))
    assert change({}, *there) == Difference([], [], ["10.7.0.0/16"])
