"""The picture of an address."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from romana.addressing import AddressPlan
from romana.cli.explain import owner_in_words
from romana.cli.picture import draw, fields
from romana.models import Endpoint, EndpointStatus, Explain

ADDRESS = IPv4Address("10.1.18.5")
ENDPOINT = Endpoint(
    id="6f1c",
    name="web1",
    host="compute01",
    tenant="admin",
    segment="s1",
    address=ADDRESS,
    mac="fa:16:3e:00:00:01",
    interface="tap0",
    status=EndpointStatus.ACTIVE,
    generation=7,
)
EXPLAINED = Explain(
    address=ADDRESS,
    host_index=1,
    tenant_number=1,
    segment_number=2,
    endpoint_number=5,
    host="compute01",
    tenant="admin",
    segment="s1",
    role="endpoint",
    endpoint=ENDPOINT,
    checks=[],
)


def test_picture_of_the_default_plan() -> None:
    assert draw(fields(AddressPlan(), EXPLAINED)).splitlines() == [
        "  00001010   | 00000001  | 0001     | 0010      | 00000101",
        "  prefix     | host 1    | tenant 1 | segment 2 | endpoint 5",
        "  10.0.0.0/8 | compute01 | admin    | s1        | web1",
    ]


def test_field_of_no_bits_is_left_out() -> None:
    plan = AddressPlan("172.16.0.0/16", host_bits=0, tenant_bits=4, segment_bits=4, endpoint_bits=8)
    assert [field.name for field in fields(plan, EXPLAINED)] == ["prefix", "tenant", "segment", "endpoint"]


@pytest.mark.parametrize("widths", [(8, 4, 4, 8), (4, 6, 6, 8), (10, 1, 1, 12), (0, 10, 11, 3)])
def test_bits_are_the_whole_address_and_values_are_what_the_plan_says(widths: tuple[int, int, int, int]) -> None:
    plan = AddressPlan("10.0.0.0/8", *widths)
    found = fields(plan, EXPLAINED)
    assert int("".join(field.bits for field in found), 2) == int(ADDRESS)
    where = plan.locate(ADDRESS)
    values = {field.name: field.value for field in found}
    for name in ("host", "tenant", "segment", "endpoint"):
        assert values.get(name, 0) == getattr(where, name)


def test_owner_is_an_endpoint() -> None:
    assert owner_in_words(EXPLAINED) == (
        "10.1.18.5 is endpoint web1 (id 6f1c) of admin/s1 on compute01, interface tap0, fa:16:3e:00:00:01, active"
    )


def test_owner_in_error_says_why() -> None:
    broken = ENDPOINT.model_copy(update={"name": None, "status": EndpointStatus.ERROR, "detail": "no tap0"})
    assert owner_in_words(EXPLAINED.model_copy(update={"endpoint": broken})).endswith("error (no tap0)")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"role": "gateway"}, "is the gateway of compute01"),
        ({"role": "reserved"}, "is reserved"),
        ({"role": "unallocated"}, "belongs to no endpoint; it is of admin/s1 on compute01"),
        (
            {"role": "unallocated", "host": None, "tenant": None, "segment": None},
            "it is of 1/2 on no host (number 1 is free)",
        ),
    ],
)
def test_owner_is_no_endpoint(changes: dict[str, object], said: str) -> None:
    assert said in owner_in_words(EXPLAINED.model_copy(update={"endpoint": None} | changes))
