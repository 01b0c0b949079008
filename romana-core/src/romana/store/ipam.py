"""How full the address plan is, and whether the store is consistent."""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv4Address

from sqlalchemy import Connection, Select, func, select

from romana.addressing import AddressPlan, FieldError
from romana.models import IpamCheck, IpamUsage
from romana.store.members_check import membership_findings
from romana.store.routers_check import floating_ip_findings, router_findings
from romana.store.schema import endpoints, hosts, segments, tenants
from romana.store.store import Store

_SEGMENTS = (
    select(segments.c.id, tenants.c.name.label("tenant"), segments.c.name, tenants.c.number, segments.c.number)
    .join(tenants, segments.c.tenant_id == tenants.c.id)
    .order_by(tenants.c.number, segments.c.number)
)
_HOSTS = select(hosts.c.id, hosts.c.name, hosts.c.number).order_by(hosts.c.number)
_USED = select(endpoints.c.host_id, endpoints.c.segment_id, func.count()).group_by(
    endpoints.c.host_id, endpoints.c.segment_id
)
# Outer joins: an endpoint whose host or segment is gone must show.
_ENDPOINTS = (
    select(
        endpoints.c.id,
        endpoints.c.address,
        endpoints.c.number,
        hosts.c.number.label("host"),
        segments.c.number.label("segment"),
        tenants.c.number.label("tenant"),
    )
    .outerjoin(hosts, endpoints.c.host_id == hosts.c.id)
    .outerjoin(segments, endpoints.c.segment_id == segments.c.id)
    .outerjoin(tenants, segments.c.tenant_id == tenants.c.id)
    .order_by(endpoints.c.address)
)


def usage(store: Store) -> list[IpamUsage]:
    """Every segment on every host, by address. Raises UnavailableError, as everything here."""

    def work(connection: Connection) -> list[IpamUsage]:
        used = {(host, segment): count for host, segment, count in connection.execute(_USED)}
        there = connection.execute(_SEGMENTS).all()
        return [
            IpamUsage(
                host=host_name,
                tenant=tenant_name,
                segment=segment_name,
                network=store.plan.segment_network(host, tenant, segment),
                used=used.get((host_id, segment_id), 0),
                capacity=len(store.plan.endpoints),
            )
            for host_id, host_name, host in connection.execute(_HOSTS)
            for segment_id, tenant_name, segment_name, tenant, segment in there
        ]

    return store.database.read(work)


def check(store: Store) -> IpamCheck:
    """Every inconsistency in the store; there is none unless another program has written to it."""

    def work(connection: Connection) -> list[str]:
        return [
            *_numbers(connection, _HOSTS, "host", store.plan.hosts),
            *_numbers(
                connection,
                select(tenants.c.id, tenants.c.name, tenants.c.number).order_by(tenants.c.number),
                "tenant",
                store.plan.tenants,
            ),
            *_segments(connection, store.plan),
            *_endpoints(connection, store.plan),
            *membership_findings(connection),
            *router_findings(connection),
            *floating_ip_findings(connection, store.plan),
        ]

    findings = store.database.read(work)
    return IpamCheck(ok=not findings, findings=findings)


def _numbers(connection: Connection, statement: Select[*tuple[int, str, int]], kind: str, allowed: range) -> list[str]:
    findings = []
    seen: dict[int, str] = {}
    for _, name, number in connection.execute(statement):
        if number not in allowed:
            findings.append(f"{kind} {name} has number {number}, outside {allowed[0]}..{allowed[-1]}")
        if number in seen:
            findings.append(f"{kind} {name} has the same number {number} as {kind} {seen[number]}")
        seen[number] = name
    return findings


def _segments(connection: Connection, plan: AddressPlan) -> list[str]:
    findings = []
    joined = (
        select(segments.c.name, segments.c.number, tenants.c.name.label("tenant"))
        .outerjoin(tenants, segments.c.tenant_id == tenants.c.id)
        .order_by(segments.c.id)
    )
    seen: dict[tuple[str, int], str] = {}
    for name, number, tenant in connection.execute(joined):
        if tenant is None:
            findings.append(f"segment {name} has no tenant")
            continue
        if number not in plan.segments:
            findings.append(
                f"segment {tenant}/{name} has number {number}, outside {plan.segments[0]}..{plan.segments[-1]}"
            )
        if (tenant, number) in seen:
            findings.append(f"segment {tenant}/{name} has the same number {number} as {seen[tenant, number]}")
        seen[tenant, number] = f"{tenant}/{name}"
    return findings


def _endpoints(connection: Connection, plan: AddressPlan) -> list[str]:
    findings = []
    holders: Counter[int] = Counter()
    for row in connection.execute(_ENDPOINTS):
        address = IPv4Address(row.address)
        holders[row.address] += 1
        who = f"endpoint {row.id} ({address})"
        if row.host is None:
            findings.append(f"{who} is on a host that does not exist")
        elif row.segment is None or row.tenant is None:
            findings.append(f"{who} is in a segment that does not exist")
        else:
            try:
                expected = plan.address(row.host, row.tenant, row.segment, row.number)
            except FieldError as error:
                findings.append(f"{who} cannot be: {error}")
                continue
            if expected != address:
                findings.append(f"{who} should have {expected} by its host, tenant, segment and number")
    findings += [
        f"address {IPv4Address(address)} belongs to {count} endpoints"
        for address, count in holders.items()
        if count > 1
    ]
    return findings
