"""What the module aws_elastic_ips would change, and the calls by which it does."""

from __future__ import annotations

from typing import Any

import pytest
from plugins.modules.aws_elastic_ips import Difference, Place, apply, difference, kept, wanted

OWN, FIRST, SECOND = "192.168.99.10", "192.168.99.254", "192.168.99.253"
CARDS = {"controller": "eni-0"}
NOTHING = Difference([], [], [], [], [], [])


def elastic(number: int, address: str, at: str = "", node: str = "controller") -> dict[str, Any]:
    """An elastic IP for an address of a node. at: the interface that it leads to it at; empty: nowhere."""
    tags = {"romana:node": node, "romana:address": address}
    return {
        "AllocationId": f"eipalloc-{number}",
        "PublicIp": f"54.0.0.{number}",
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
        **(
            {"AssociationId": f"eipassoc-{number}", "NetworkInterfaceId": at, "PrivateIpAddress": address} if at else {}
        ),
    }


def change(
    addresses: list[str], items: list[dict[str, Any]], has: list[str], assign: bool = True, node: str = "controller"
) -> Difference:
    cards = CARDS if node == "controller" else {}
    return difference(wanted({node: addresses}), items, cards, {"eni-0": has}, assign)


def places(*addresses: str) -> list[Place]:
    return [Place("controller", address) for address in addresses]


def test_a_node_gets_all_of_it() -> None:
    assert change([OWN, FIRST], [], [OWN]) == Difference(
        moved=[],
        unassigned=[],
        released=[],
        allocated=places(OWN, FIRST),
        assigned=[("eni-0", FIRST)],
        associated=[(one, "eni-0") for one in places(OWN, FIRST)],
    )


def test_until_addresses_are_assigned_elastic_ips_lead_to_those_that_are_there() -> None:
    found = change([OWN, FIRST], [], [OWN], assign=False)
    assert (found.allocated, found.assigned) == (places(OWN, FIRST), [])
    assert found.associated == [(Place("controller", OWN), "eni-0")]


def test_a_node_that_is_not_there_gets_elastic_ips_alone() -> None:
    found = change([OWN, FIRST], [], [], node="compute01")
    assert [one.address for one in found.allocated] == [OWN, FIRST]
    assert (found.assigned, found.associated) == ([], [])


@pytest.mark.parametrize("assign", [False, True])
def test_nothing_changes_when_all_is_there(assign: bool) -> None:
    items = [elastic(1, OWN, "eni-0"), elastic(2, FIRST, "eni-0")]
    assert change([OWN, FIRST], items, [OWN, FIRST], assign) == NOTHING


def test_what_a_killed_run_has_begun_is_gone_on_with() -> None:
    found = change([OWN, FIRST], [elastic(1, OWN, "eni-0"), elastic(2, FIRST)], [OWN, FIRST])
    assert (found.allocated, found.assigned) == ([], [])
    assert found.associated == [(Place("controller", FIRST), "eni-0")]


def test_a_node_that_was_made_again_gets_its_elastic_ips_back() -> None:
    found = change([OWN], [elastic(1, OWN, "eni-9")], [OWN])
    assert [item["AllocationId"] for item in found.moved] == ["eipalloc-1"]
    assert found.associated == [(Place("controller", OWN), "eni-0")]
    assert (found.released, found.allocated) == ([], [])


def test_what_is_not_wanted_is_taken_away() -> None:
    items = [elastic(1, OWN, "eni-0"), elastic(2, FIRST, "eni-0"), elastic(3, SECOND, "eni-0")]
    found = change([OWN, FIRST], items, [OWN, FIRST, SECOND])
    assert (found.moved, found.released) == ([items[2]], [items[2]])
    assert found.unassigned == [("eni-0", SECOND)]


def test_of_all_that_goes_the_primary_address_is_the_last_to_lose_its_own_and_stays_itself() -> None:
    items = [elastic(1, OWN, "eni-0"), elastic(2, FIRST, "eni-0")]
    found = change([], items, [OWN, FIRST])
    assert [item["AllocationId"] for item in found.moved] == ["eipalloc-2", "eipalloc-1"]
    assert found.unassigned == [("eni-0", FIRST)]


def test_an_address_that_a_killed_run_has_left_is_known_by_its_elastic_ip() -> None:
    found = change([OWN], [elastic(1, OWN, "eni-0"), elastic(2, FIRST)], [OWN, FIRST])
    assert found.moved == []
    assert found.unassigned == [("eni-0", FIRST)]
    assert [item["AllocationId"] for item in found.released] == ["eipalloc-2"]


def test_of_two_for_one_address_the_one_in_use_is_kept() -> None:
    items = [elastic(1, OWN), elastic(2, OWN, "eni-0")]
    found = change([OWN], items, [OWN])
    assert (found.released, found.unassigned, found.moved) == ([items[0]], [], [])


class Client:
    """Takes every call, and notes it."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        def call(**arguments: Any) -> dict[str, str]:
            self.calls.append((name, arguments))
            return {"AllocationId": f"eipalloc-new{len(self.calls)}", "PublicIp": "54.0.0.99"}

        return call


def test_calls_are_made_in_an_order_that_a_killed_run_can_be_told_by() -> None:
    items = [elastic(3, SECOND, "eni-0")]
    todo = change([OWN, FIRST], items, [OWN, SECOND])
    client, own = Client(), kept(places(OWN, FIRST), items)
    apply(client, todo, own, {"romana:stack": "demo"})
    assert [name for name, _ in client.calls] == [
        "disassociate_address",
        "unassign_private_ip_addresses",
        "release_address",
        "allocate_address",
        "allocate_address",
        "assign_private_ip_addresses",
        "associate_address",
        "associate_address",
    ]
    made = client.calls[4][1]["TagSpecifications"]
    assert {"Key": "romana:address", "Value": FIRST} in made[0]["Tags"]
    assert client.calls[-1][1]["AllocationId"] == own[Place("controller", FIRST)]["AllocationId"] == "eipalloc-new5"
