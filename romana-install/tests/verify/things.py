"""Hosts and endpoints of the documented example, for tests without a network."""

from __future__ import annotations

from ipaddress import IPv4Address

from romana.addressing import AddressPlan
from romana.models import Endpoint, EndpointStatus, Host

PLAN = AddressPlan()
TENANTS = ("admin", "demo")
SEGMENTS = ("default", "s1", "s2")


def host(index: int) -> Host:
    return Host(
        name=f"compute{index:02}" if index else "controller",
        address=IPv4Address(f"192.168.99.{10 + index}"),
        index=index,
        prefix=PLAN.host_network(index),
        gateway=PLAN.gateway(index),
        endpoints=0,
        generation=1,
        applied=1,
    )


def endpoint(index: int, tenant: str = "admin", segment: str = "s1", number: int = 3) -> Endpoint:
    address = PLAN.address(index, TENANTS.index(tenant) + 1, SEGMENTS.index(segment) + 1, number)
    return Endpoint(
        id=str(address),
        name=f"probe-00000000-{int(address)}",
        host=host(index).name,
        tenant=tenant,
        segment=segment,
        address=address,
        mac="fa:16:3e:00:00:01",
        interface=f"tap{int(address):x}",
        status=EndpointStatus.ACTIVE,
        generation=1,
    )
