"""How an endpoint gets its address. This is the store's hot path: five statements, COMMIT included.

In one transaction: take the common lock (by raising the generation), look up everything at once, insert, wake the
host, commit. The lock makes look-up and insert one step for all servers; unique constraints stand behind it.
"""

from __future__ import annotations

import hashlib
import uuid
from ipaddress import IPv4Address
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, func, insert, select

from romana.models import Endpoint, EndpointCreate, EndpointStatus
from romana.store.database import Unchanged
from romana.store.endpoints import WHOLE_ENDPOINT, to_endpoint
from romana.store.errors import (
    AddressInUseError,
    AddressMismatchError,
    EndpointsExhaustedError,
    HostRestrictedError,
    IdempotencyMismatchError,
)
from romana.store.hosts import no_host
from romana.store.schema import META_ROW, endpoints, hosts, meta, segments, tenants
from romana.store.segments import no_segment
from romana.store.store import Store, wake_host
from romana.store.tenants import no_tenant

_USED = select(func.count(endpoints.c.number)).where(
    endpoints.c.host_id == hosts.c.id, endpoints.c.segment_id == segments.c.id
)
_LAST = select(func.max(endpoints.c.number)).where(
    endpoints.c.host_id == hosts.c.id, endpoints.c.segment_id == segments.c.id
)
_earlier = endpoints.alias("earlier")
_LOOK_UP = (
    select(
        meta.c.generation,
        hosts.c.id.label("host_id"),
        hosts.c.number.label("host"),
        hosts.c.owner_id,
        tenants.c.id.label("tenant_id"),
        tenants.c.number.label("tenant"),
        segments.c.id.label("segment_id"),
        segments.c.number.label("segment"),
        _earlier.c.id.label("earlier_id"),
        _earlier.c.request_hash.label("earlier_request"),
        _USED.correlate(hosts, segments).scalar_subquery().label("used"),
        _LAST.correlate(hosts, segments).scalar_subquery().label("last"),
    )
    .select_from(
        meta.outerjoin(hosts, hosts.c.name == bindparam("host_name"))
        .outerjoin(tenants, tenants.c.name == bindparam("tenant_name"))
        .outerjoin(segments, and_(segments.c.tenant_id == tenants.c.id, segments.c.name == bindparam("segment_name")))
        .outerjoin(_earlier, _earlier.c.idempotency_key == bindparam("key"))
    )
    .where(meta.c.id == META_ROW)
)
# The first gap: a taken number (or the one below the first) whose successor is free.
_next = endpoints.alias("next")
_GAP = (
    select(func.min(endpoints.c.number) + 1)
    .select_from(
        endpoints.outerjoin(
            _next,
            and_(
                _next.c.host_id == endpoints.c.host_id,
                _next.c.segment_id == endpoints.c.segment_id,
                _next.c.number == endpoints.c.number + 1,
            ),
        )
    )
    .where(
        endpoints.c.host_id == bindparam("host_id"),
        endpoints.c.segment_id == bindparam("segment_id"),
        _next.c.id.is_(None),
    )
)
_FIRST_IS_TAKEN = select(endpoints.c.id).where(
    endpoints.c.host_id == bindparam("host_id"),
    endpoints.c.segment_id == bindparam("segment_id"),
    endpoints.c.number == bindparam("number"),
)
_EARLIER = WHOLE_ENDPOINT.where(endpoints.c.id == bindparam("endpoint_id"))
_INSERT = insert(endpoints)


def create_endpoint(store: Store, wanted: EndpointCreate, key: str | None) -> tuple[Endpoint, bool]:
    """The endpoint, and whether it is new.

    Args:
        store: the store.
        wanted: whom and where it is for.
        key: idempotency key, 1 to 255 characters. Until the endpoint is deleted, the same key with the same request
            gives the same endpoint.

    Raises:
        NotFoundError: host, tenant or segment.
        HostRestrictedError: the host belongs to another tenant.
        EndpointsExhaustedError: every number of that host, tenant and segment is taken.
        AddressMismatchError: the asked-for address is none of that host, tenant and segment.
        AddressInUseError: another endpoint has the asked-for address.
        IdempotencyMismatchError: the key was used for another request.
        UnavailableError: the database does not answer.
    """
    request = _digest(wanted)
    names = {"host_name": wanted.host, "tenant_name": wanted.tenant, "segment_name": wanted.segment, "key": key}

    def work(connection: Connection) -> tuple[Endpoint, bool] | Unchanged[tuple[Endpoint, bool]]:
        found = connection.execute(_LOOK_UP, names).one()
        if found.earlier_id is not None:
            return Unchanged((_repeated(connection, found, request, key), False))
        _check_found(found, wanted)
        number = _number(connection, store, found, wanted)
        address = store.plan.address(found.host, found.tenant, found.segment, number)
        endpoint = Endpoint(
            id=str(uuid.uuid4()),
            name=wanted.name,
            host=wanted.host,
            tenant=wanted.tenant,
            segment=wanted.segment,
            address=address,
            mac=wanted.mac,
            interface=wanted.interface,
            status=EndpointStatus.PENDING,
            generation=found.generation,
        )
        wake_host(connection, found.host_id, found.generation)
        connection.execute(
            _INSERT,
            {
                "id": endpoint.id,
                "host_id": found.host_id,
                "segment_id": found.segment_id,
                "number": number,
                "address": int(address),
                "mac": endpoint.mac,
                "interface": endpoint.interface,
                "name": endpoint.name,
                "status": endpoint.status.value,
                "detail": None,
                "generation": endpoint.generation,
                "status_generation": endpoint.generation,
                "idempotency_key": key,
                "request_hash": request,
            },
        )
        return endpoint, True

    return store.database.write(work)


def _digest(wanted: EndpointCreate) -> str:
    return hashlib.sha256(wanted.model_dump_json().encode()).hexdigest()


def _repeated(connection: Connection, found: Row[*tuple[Any, ...]], request: str, key: str | None) -> Endpoint:
    endpoint = to_endpoint(connection.execute(_EARLIER, {"endpoint_id": found.earlier_id}).one())
    if found.earlier_request != request:
        raise IdempotencyMismatchError(
            f"the idempotency key {key!r} was used for another request, which made endpoint {endpoint.id};"
            " use a new key for a new endpoint",
            endpoint=endpoint.id,
        )
    return endpoint


def _check_found(found: Row[*tuple[Any, ...]], wanted: EndpointCreate) -> None:
    if found.host_id is None:
        raise no_host(wanted.host)
    if found.tenant_id is None:
        raise no_tenant(wanted.tenant)
    if found.segment_id is None:
        raise no_segment(wanted.tenant, wanted.segment)
    if found.owner_id not in (None, found.tenant_id):
        raise HostRestrictedError(
            f"host {wanted.host} belongs to another tenant than {wanted.tenant}; use another host",
            host=wanted.host,
            tenant=wanted.tenant,
        )


def _number(connection: Connection, store: Store, found: Row[*tuple[Any, ...]], wanted: EndpointCreate) -> int:
    if wanted.address is not None:
        return _asked_for(connection, store, found, wanted, wanted.address)
    allowed = store.plan.endpoints
    if found.used >= len(allowed):
        raise EndpointsExhaustedError(
            f"no address is left on host {wanted.host} for segment {wanted.segment} of tenant {wanted.tenant}:"
            f" all {len(allowed)} are taken; delete an endpoint, or use another host or segment",
            host=wanted.host,
            tenant=wanted.tenant,
            segment=wanted.segment,
            capacity=len(allowed),
        )
    if not found.used:
        return allowed[0]
    if found.last == allowed[0] + found.used - 1:  # no gap
        return int(found.last) + 1
    where = {"host_id": found.host_id, "segment_id": found.segment_id}
    if connection.execute(_FIRST_IS_TAKEN, {**where, "number": allowed[0]}).first() is None:
        return allowed[0]
    return int(connection.execute(_GAP, where).scalar_one())


def _asked_for(
    connection: Connection, store: Store, found: Row[*tuple[Any, ...]], wanted: EndpointCreate, address: IPv4Address
) -> int:
    network = store.plan.segment_network(found.host, found.tenant, found.segment)
    whose = f"host {wanted.host}, tenant {wanted.tenant}, segment {wanted.segment}"
    number = int(address) - int(network.network_address)
    if number not in store.plan.endpoints:
        first, last = network[store.plan.endpoints[0]], network[store.plan.endpoints[-1]]
        raise AddressMismatchError(
            f"{address} is no address of {whose}; take one of {first} to {last}, or leave it out",
            first=str(first),
            last=str(last),
        )
    holder = connection.execute(select(endpoints.c.id).where(endpoints.c.address == int(address))).scalar_one_or_none()
    if holder is not None:
        raise AddressInUseError(
            f"{address} belongs to endpoint {holder}; take another, or leave it out", endpoint=holder
        )
    return number
