"""Whether routers and floating IPs agree with the rest of the store."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from sqlalchemy import Connection, select

from romana.addressing import AddressPlan
from romana.store.delivery import ASTRAY
from romana.store.schema import (
    delivered,
    endpoints,
    floating_ips,
    forwardings,
    hosts,
    router_segments,
    routers,
    segments,
)

# Outer joins: what is gone must show.
_SEGMENTS = (
    select(router_segments.c.router_id, routers.c.id.label("router"), segments.c.id.label("segment"))
    .outerjoin(routers, routers.c.id == router_segments.c.router_id)
    .outerjoin(segments, segments.c.id == router_segments.c.segment_id)
    .order_by(router_segments.c.router_id, router_segments.c.segment_id)
)
_FLOATING_IPS = (
    select(
        floating_ips.c.address,
        floating_ips.c.endpoint_id,
        endpoints.c.id.label("endpoint"),
        hosts.c.name.label("host"),
    )
    .outerjoin(endpoints, endpoints.c.id == floating_ips.c.endpoint_id)
    .outerjoin(hosts, hosts.c.address == floating_ips.c.address)
    .order_by(floating_ips.c.address)
)

_FORWARDINGS = (
    select(
        forwardings,
        floating_ips.c.address.label("floating_ip"),
        floating_ips.c.endpoint_id.label("owner"),
        endpoints.c.id.label("endpoint"),
    )
    .outerjoin(floating_ips, floating_ips.c.address == forwardings.c.address)
    .outerjoin(endpoints, endpoints.c.id == forwardings.c.endpoint_id)
    .order_by(forwardings.c.address, forwardings.c.protocol, forwardings.c.port)
)

_DELIVERED = (
    select(delivered.c.address, delivered.c.host_id, hosts.c.name)
    .outerjoin(hosts, hosts.c.id == delivered.c.host_id)
    .order_by(delivered.c.address)
)


def router_findings(connection: Connection) -> Iterator[str]:
    """Each contradiction about routers in a sentence."""
    for row in connection.execute(_SEGMENTS):
        if row.router is None:
            yield f"router {row.router_id} does not exist, and joins a segment"
        elif row.segment is None:
            yield f"router {row.router_id} joins a segment that does not exist"


def floating_ip_findings(connection: Connection, plan: AddressPlan) -> Iterator[str]:
    """Each contradiction about floating IPs in a sentence."""
    forwarded = set(connection.execute(select(forwardings.c.address)).scalars())
    for row in connection.execute(_FLOATING_IPS):
        what = f"floating IP {IPv4Address(row.address)}"
        if row.endpoint_id is None:
            if row.address not in forwarded:
                yield f"{what} is of no endpoint, and no port of it is forwarded"
        elif row.endpoint is None:
            yield f"{what} is of endpoint {row.endpoint_id}, which does not exist"
        if row.host is not None:
            yield f"{what} is the address of host {row.host}"
        if IPv4Address(row.address) in plan.network:
            yield f"{what} lies inside the address plan {plan.cidr}"
    yield from _forwarding_findings(connection)
    yield from _delivery_findings(connection, plan)


def _forwarding_findings(connection: Connection) -> Iterator[str]:
    for row in connection.execute(_FORWARDINGS):
        what = f"{row.protocol}/{row.port} of floating IP {IPv4Address(row.address)}"
        if row.floating_ip is None:
            yield f"{what} is forwarded, and there is no such floating IP"
        elif row.owner is not None:
            yield f"{what} is forwarded, although all of it is of endpoint {row.owner}"
        if row.endpoint is None:
            yield f"{what} is forwarded to endpoint {row.endpoint_id}, which does not exist"


def _delivery_findings(connection: Connection, plan: AddressPlan) -> Iterator[str]:
    owners = {row.address: row.name for row in connection.execute(select(hosts.c.address, hosts.c.name))}
    names: dict[int, str] = {}
    for row in connection.execute(_DELIVERED):
        what = f"floating IP {IPv4Address(row.address)} is delivered to"
        if row.name is None:
            yield f"{what} a host that does not exist"
            continue
        names[row.host_id] = row.name
        what = f"{what} host {row.name}"
        if row.address in owners:
            yield f"{what}, and is the address of host {owners[row.address]}"
        if IPv4Address(row.address) in plan.network:
            yield f"{what}, and lies inside the address plan {plan.cidr}"
    for astray in connection.execute(ASTRAY):
        if astray.host_id in names:
            what = f"floating IP {IPv4Address(astray.address)} is delivered to host {names[astray.host_id]}"
            yield f"{what} only, and leads to endpoint {astray.id} on {astray.host}"
