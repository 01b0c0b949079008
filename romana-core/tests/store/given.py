"""Things in a store, in one line each."""

from __future__ import annotations

import itertools
from ipaddress import IPv4Address

from romana.models import (
    Applied,
    Endpoint,
    EndpointCreate,
    FloatingIpPut,
    ForwardingPut,
    Host,
    HostCreate,
    Peer,
    Plan,
    Policy,
    PolicyCreate,
    Protocol,
    Segment,
    SegmentCreate,
    Tenant,
    TenantCreate,
)
from romana.store.allocation import create_endpoint
from romana.store.applied import put_applied
from romana.store.hosts import create_host
from romana.store.policies import create_policy
from romana.store.segments import create_segment
from romana.store.state import host_generations
from romana.store.store import Store
from romana.store.tenants import create_tenant

# 4 hosts, 3 tenants, 3 segments in each, 4 endpoints in each of those
SMALL = Plan(cidr="10.0.0.0/23", host_bits=2, tenant_bits=2, segment_bits=2, endpoint_bits=3)
# The same room, but one of everything, so that it is full at once
SMALLEST = Plan(cidr="10.0.0.0/27", host_bits=0, tenant_bits=1, segment_bits=1, endpoint_bits=3)

_numbers = itertools.count(1)


def host(store: Store, name: str = "a", index: int | None = None) -> Host:
    """A host with an address of its own."""
    address = IPv4Address(int(IPv4Address("192.168.0.0")) + next(_numbers) % 60000)
    return create_host(store, HostCreate(name=name, address=address, index=index))[0]


def tenant(store: Store, name: str = "t", *segments: str) -> Tenant:
    """A tenant with segments."""
    made = create_tenant(store, TenantCreate(name=name))[0]
    for one in segments:
        segment(store, name, one)
    return made


def segment(store: Store, of: str, name: str) -> Segment:
    return create_segment(store, of, SegmentCreate(name=name))[0]


def network(store: Store) -> None:
    """Host a, tenant t, segment s."""
    host(store)
    tenant(store, "t", "s")


def wish(host: str = "a", tenant: str = "t", segment: str = "s", address: str | None = None) -> EndpointCreate:
    """A request for an endpoint; each has another MAC and interface."""
    number = next(_numbers)
    return EndpointCreate(
        host=host,
        tenant=tenant,
        segment=segment,
        mac=f"fa:16:3e:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}",
        interface=f"tap{number}",
        address=None if address is None else IPv4Address(address),
    )


def endpoint(
    store: Store, host: str = "a", tenant: str = "t", segment: str = "s", address: str | None = None
) -> Endpoint:
    return create_endpoint(store, wish(host, tenant, segment, address), None)[0]


def forwarded(*texts: str) -> FloatingIpPut:
    """A floating IP that is forwarded port by port: 'tcp/2222=<endpoint>:22'."""
    found = []
    for text in texts:
        outside, _, inside = text.partition("=")
        protocol, port = outside.split("/")
        endpoint, _, endpoint_port = inside.rpartition(":")
        wanted = {"protocol": protocol, "port": int(port), "endpoint": endpoint, "endpoint_port": int(endpoint_port)}
        found.append(ForwardingPut.model_validate(wanted))
    return FloatingIpPut(forwardings=found)


def peer(text: str) -> Peer:
    """'t', 't/s' or a CIDR such as '192.0.2.0/24'."""
    if text[0].isdigit():
        return Peer.model_validate({"cidr": text})
    name, _, of = text.partition("/")
    return Peer(tenant=name, segment=of or None)


def policy(store: Store, source: str, target: str, name: str = "p", protocol: str = "any", ports: str = "") -> Policy:
    """A policy; `ports` are separated by spaces."""
    wanted = PolicyCreate(
        name=name, source=peer(source), target=peer(target), protocol=Protocol(protocol), ports=ports.split()
    )
    return create_policy(store, wanted)[0]


def generations(store: Store) -> dict[str, int]:
    """The generation of each host."""
    return {name: there.state for name, there in host_generations(store).items()}


def report(store: Store, host: str) -> None:
    """Its agent has all that there is for it in place."""
    there = host_generations(store)[host]
    put_applied(store, host, Applied(generation=there.state, members=there.store))
