"""Whether routers and floating IPs agree with the rest of the store."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from sqlalchemy import Connection, select

from romana.addressing import AddressPlan
from romana.store.schema import endpoints, floating_ips, hosts, router_segments, routers, segments

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


def router_findings(connection: Connection) -> Iterator[str]:
    """Each contradiction about routers in a sentence."""
    for row in connection.execute(_SEGMENTS):
        if row.router is None:
            yield f"router {row.router_id} does not exist, and joins a segment"
        elif row.segment is None:
            yield f"router {row.router_id} joins a segment that does not exist"


def floating_ip_findings(connection: Connection, plan: AddressPlan) -> Iterator[str]:
    """Each contradiction about floating IPs in a sentence."""
    for row in connection.execute(_FLOATING_IPS):
        what = f"floating IP {IPv4Address(row.address)}"
        if row.endpoint is None:
            yield f"{what} is of endpoint {row.endpoint_id}, which does not exist"
        if row.host is not None:
            yield f"{what} is the address of host {row.host}"
        if IPv4Address(row.address) in plan.network:
            yield f"{what} lies inside the address plan {plan.cidr}"
