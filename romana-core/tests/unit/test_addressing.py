"""The address plan: the documented examples and, by property, that no field ever reaches into another."""

from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from romana.addressing import AddressPlan, FieldError, Location, PlanError


@st.composite
def plans(draw: st.DrawFn) -> AddressPlan:
    endpoint_bits = draw(st.integers(3, 12))
    segment_bits = draw(st.integers(1, 6))
    tenant_bits = draw(st.integers(1, 6))
    host_bits = draw(st.integers(0, 32 - endpoint_bits - segment_bits - tenant_bits))
    prefix = 32 - host_bits - tenant_bits - segment_bits - endpoint_bits
    base = draw(st.integers(0, 2**prefix - 1)) << (32 - prefix)
    return AddressPlan(str(IPv4Network((base, prefix))), host_bits, tenant_bits, segment_bits, endpoint_bits)


@st.composite
def places(draw: st.DrawFn) -> tuple[AddressPlan, Location]:
    plan = draw(plans())
    fields = (plan.hosts, plan.tenants, plan.segments, plan.endpoints)
    return plan, Location(*(draw(st.sampled_from(field)) for field in fields))


def test_default_plan_is_the_documented_one() -> None:
    plan = AddressPlan()
    assert str(plan.host_network(0)) == "10.0.0.0/16"
    assert str(plan.gateway(1)) == "10.1.0.1"
    assert str(plan.address(0, 1, 2, 3)) == "10.0.18.3"
    assert str(plan.address(0, 1, 3, 5)) == "10.0.19.5"
    assert str(plan.segment_network(0, 1, 2)) == "10.0.18.0/24"
    assert str(plan.segment_mask) == "255.0.255.0"
    assert (len(plan.hosts), len(plan.tenants), len(plan.segments), len(plan.endpoints)) == (256, 15, 15, 252)


@given(places())
def test_locate_is_the_inverse_of_address(place: tuple[AddressPlan, Location]) -> None:
    plan, where = place
    address = plan.address(where.host, where.tenant, where.segment, where.endpoint)
    assert plan.locate(address) == where
    assert address in plan.host_network(where.host)
    assert address in plan.segment_network(where.host, where.tenant, where.segment)


@given(places(), st.data())
def test_segment_key_is_the_same_on_every_host_and_differs_between_segments(
    place: tuple[AddressPlan, Location], data: st.DataObject
) -> None:
    plan, here = place
    there = Location(
        *(data.draw(st.sampled_from(f)) for f in (plan.hosts, plan.tenants, plan.segments, plan.endpoints))
    )
    mask = int(plan.segment_mask)
    keys = [int(plan.address(p.host, p.tenant, p.segment, p.endpoint)) & mask for p in (here, there)]
    assert keys[0] == int(plan.segment_key(here.tenant, here.segment))
    assert (keys[0] == keys[1]) == ((here.tenant, here.segment) == (there.tenant, there.segment))


@given(plans())
def test_no_endpoint_is_the_gateway_or_the_broadcast_address(plan: AddressPlan) -> None:
    host = plan.hosts[-1]
    last = plan.address(host, plan.tenants[-1], plan.segments[-1], plan.endpoints[-1])
    assert last < plan.host_network(host).broadcast_address
    assert plan.gateway(host) < plan.address(host, 1, 1, plan.endpoints[0])


@given(plans(), st.sampled_from(["host", "tenant", "segment", "endpoint"]), st.sampled_from(["below", "above"]))
def test_a_number_outside_its_field_is_refused(plan: AddressPlan, field: str, side: str) -> None:
    allowed = {"host": plan.hosts, "tenant": plan.tenants, "segment": plan.segments, "endpoint": plan.endpoints}
    numbers = {name: values[0] for name, values in allowed.items()}
    numbers[field] = allowed[field].start - 1 if side == "below" else allowed[field].stop
    with pytest.raises(FieldError, match=field):
        plan.address(**numbers)


def test_an_address_outside_the_plan_is_refused() -> None:
    with pytest.raises(ValueError, match="outside the address plan"):
        AddressPlan().locate("192.168.99.10")


@pytest.mark.parametrize(
    ("plan", "findings"),
    [
        (("10.0.0.0/8", 8, 4, 4, 9), ["= 33 bits, not 32; take away 1"]),
        (("10.0.0.0/8", 8, 4, 4, 7), ["= 31 bits, not 32; add 1"]),
        (("10.0.0.1/8", 8, 4, 4, 8), ["host bits set"]),
        (("ten/8", 8, 4, 4, 8), ["not an IPv4 network"]),
        (("10.0.0.0/8", 16, 0, 0, 8), ["tenant_bits is 0", "segment_bits is 0"]),
        (("10.0.0.0/8", 9, 4, 4, 2), ["endpoint_bits is 2", "= 27 bits"]),
    ],
)
def test_an_impossible_plan_is_refused_with_every_reason(
    plan: tuple[str, int, int, int, int], findings: list[str]
) -> None:
    with pytest.raises(PlanError) as refused:
        AddressPlan(*plan)
    assert len(refused.value.findings) == len(findings)
    for expected in findings:
        assert any(expected in finding for finding in refused.value.findings)


def test_addresses_are_addresses() -> None:
    assert AddressPlan().gateway(0) == IPv4Address("10.0.0.1")
