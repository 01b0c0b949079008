"""What an address means, whose it is, and whether the hosts have what it needs."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Literal

from pydantic import ValidationError
from sqlalchemy import Connection, Row, select

from romana.addressing import AddressPlan, Location
from romana.models import Applied, AppliedBarrier, Endpoint, Explain, ExplainCheck
from romana.store.endpoints import WHOLE_ENDPOINT, to_endpoint
from romana.store.errors import InvalidError
from romana.store.schema import endpoints, hosts, segments, tenants
from romana.store.store import Store

_HOSTS = (
    select(hosts.c.name, hosts.c.number, hosts.c.generation, hosts.c.applied, tenants.c.number.label("owner"))
    .outerjoin(tenants, hosts.c.owner_id == tenants.c.id)
    .order_by(hosts.c.number)
)
_HostRow = Row[str, int, int, str | None, int | None]
_Role = Literal["endpoint", "gateway", "unallocated", "reserved"]


def explain(store: Store, address: IPv4Address) -> Explain:
    """Everything about an address of the plan. Raises InvalidError for others, UnavailableError."""
    try:
        location = store.plan.locate(address)
    except ValueError as error:
        raise InvalidError(f"{error}; give one of its addresses") from None
    return store.database.read(lambda connection: _explain(connection, store.plan, address, location))


def _explain(connection: Connection, plan: AddressPlan, address: IPv4Address, location: Location) -> Explain:
    found = connection.execute(WHOLE_ENDPOINT.where(endpoints.c.address == int(address))).one_or_none()
    endpoint = None if found is None else to_endpoint(found)
    known = list(connection.execute(_HOSTS))
    host = next((row for row in known if row.number == location.host), None)
    tenant = connection.execute(select(tenants.c.name).where(tenants.c.number == location.tenant)).scalar_one_or_none()
    segment = connection.execute(
        select(segments.c.name)
        .join(tenants, segments.c.tenant_id == tenants.c.id)
        .where(tenants.c.number == location.tenant, segments.c.number == location.segment)
    ).scalar_one_or_none()
    return Explain(
        address=address,
        host_index=location.host,
        tenant_number=location.tenant,
        segment_number=location.segment,
        endpoint_number=location.endpoint,
        host=None if host is None else host.name,
        tenant=tenant,
        segment=segment,
        role=_role(plan, address, location, endpoint),
        endpoint=endpoint,
        checks=[] if endpoint is None else [check for row in known for check in _checks(plan, row, location, endpoint)],
        advice=[] if endpoint is None else [f"{row.name}: {item.message}" for row in known for item in _barriers(row)],
    )


def _role(plan: AddressPlan, address: IPv4Address, location: Location, endpoint: Endpoint | None) -> _Role:
    if endpoint is not None:
        return "endpoint"
    if address == plan.gateway(location.host):
        return "gateway"
    in_fields = location.tenant in plan.tenants and location.segment in plan.segments
    return "unallocated" if in_fields and location.endpoint in plan.endpoints else "reserved"


def _checks(plan: AddressPlan, row: _HostRow, location: Location, endpoint: Endpoint) -> Iterator[ExplainCheck]:
    """What one host should have for the endpoint, beside what its agent last applied."""
    applied = _applied(row)

    def check(what: Literal["route", "lease", "firewall", "pair"], expected: str, is_there: bool) -> ExplainCheck:
        said = "not reported" if applied is None else expected if is_there else "missing"
        return ExplainCheck(host=row.name, what=what, expected=expected, applied=said, ok=is_there)

    yield ExplainCheck(
        host=row.name,
        what="generation",
        expected=str(row.generation),
        applied="not reported" if applied is None else str(applied.generation),
        ok=applied is not None and applied.generation == row.generation,
    )
    if row.number == location.host:
        there = next((item for item in applied.endpoints if item.id == endpoint.id), None) if applied else None
        yield check("route", f"{endpoint.address}/32 dev {endpoint.interface}", there is not None and there.route)
        yield check("lease", f"{endpoint.mac} {endpoint.address}", there is not None and there.lease)
        yield check("firewall", f"{endpoint.interface} bound", there is not None and there.firewall)
    else:
        prefix = plan.host_network(location.host)
        yield check("route", f"{prefix} via {endpoint.host}", applied is not None and prefix in applied.routes)
    for item in _barriers(row):
        yield ExplainCheck(
            host=row.name,
            what="chain",
            expected="lets endpoints' packets pass",
            applied=f"{item.chain} {item.what}",
            ok=not item.certain,
        )
    if row.owner not in (None, location.tenant):
        return  # it is told of its owner's segments only
    key = plan.segment_key(location.tenant, location.segment)
    yield check("pair", f"{key} {key}", applied is not None and (key, key) in applied.pairs)


def _barriers(row: _HostRow) -> list[AppliedBarrier]:
    applied = _applied(row)
    return applied.barriers if applied else []


def _applied(row: _HostRow) -> Applied | None:
    if row.applied is None:
        return None
    try:
        return Applied.model_validate_json(row.applied)
    except ValidationError:
        return None  # of another version: as good as not reported
