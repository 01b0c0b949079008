"""How an endpoint gets its address. This is the store's hot path: five statements, COMMIT included.

One more where an address has left a group within the last minutes: see romana.store.resting.

In one transaction: take the common lock (by raising the generation), look up everything at once, insert, wake the
host, commit. The lock makes look-up and insert one step for all servers; unique constraints stand behind it.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, func, insert, select

from romana.models import Bandwidth, Endpoint, EndpointCreate, EndpointStatus, Lease, Permissions
from romana.store.database import Unchanged
from romana.store.endpoints import WHOLE_ENDPOINT, kept, to_endpoint
from romana.store.errors import (
    AddressInUseError,
    AddressMismatchError,
    AddressRestsError,
    AllAddressesRestError,
    EndpointsExhaustedError,
    HostRestrictedError,
    IdempotencyMismatchError,
)
from romana.store.hosts import no_host
from romana.store.memberships import Member, change_memberships
from romana.store.resting import DEAD_AFTER, LAST_LEFT, LAST_LEFT_AT, confirmed, late_hosts, resting, since
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
        LAST_LEFT_AT.label("last_left_at"),
        LAST_LEFT.label("last_left"),
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
_TAKEN = select(endpoints.c.number).where(
    endpoints.c.host_id == bindparam("host_id"), endpoints.c.segment_id == bindparam("segment_id")
)
ADDED: dict[str, object] = {"permissions": Permissions(), "lease": Lease(), "bandwidth": Bandwidth()}
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
        NotFoundError: host, tenant, segment or group.
        HostRestrictedError: the host belongs to another tenant.
        EndpointsExhaustedError: every number of that host, tenant and segment is taken.
        AddressMismatchError: the asked-for address is none of that host, tenant and segment.
        AddressInUseError: another endpoint has the asked-for address.
        AddressRestsError: the asked-for address was in groups until just now.
        AllAddressesRestError: so was every free one.
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
            permissions=wanted.permissions,
            lease=wanted.lease,
            bandwidth=wanted.bandwidth,
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
                "permissions": kept(wanted.permissions),
                "lease": kept(wanted.lease),
                "bandwidth": kept(wanted.bandwidth),
            },
        )
        if wanted.permissions.groups:
            newcomer = replace(Member.of(endpoint, found.host_id), permissions=Permissions())
            change_memberships(connection, newcomer, wanted.permissions, found.generation)
        return endpoint, True

    return store.database.write(work)


def _digest(wanted: EndpointCreate) -> str:
    # What came later is left out where it says nothing: requests of before are still the same.
    said = wanted.model_dump_json(exclude={name for name in ADDED if getattr(wanted, name) == ADDED[name]})
    return hashlib.sha256(said.encode()).hexdigest()


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
    lowest = _lowest(connection, found, allowed[0])
    at_rest = _at_rest(connection, store, found)
    if lowest not in at_rest:
        return lowest
    where = {"host_id": found.host_id, "segment_id": found.segment_id}
    passed_over = at_rest | set(connection.execute(_TAKEN, where).scalars())
    number = next((one for one in allowed if one not in passed_over), None)
    if number is None:
        late = late_hosts(connection, found.host_id)
        what = f"every free address of segment {wanted.segment} on host {wanted.host}"
        raise AllAddressesRestError(_rests(what, late), hosts=late)
    return number


def _lowest(connection: Connection, found: Row[*tuple[Any, ...]], first: int) -> int:
    """The lowest free number; there is one."""
    if not found.used:
        return first
    if found.last == first + found.used - 1:  # no gap
        return int(found.last) + 1
    where = {"host_id": found.host_id, "segment_id": found.segment_id}
    if connection.execute(_FIRST_IS_TAKEN, {**where, "number": first}).first() is None:
        return first
    return int(connection.execute(_GAP, where).scalar_one())


def _at_rest(connection: Connection, store: Store, found: Row[*tuple[Any, ...]]) -> set[int]:
    """Numbers that are not to be given out yet."""
    if found.last_left is None or found.last_left_at <= since():
        return set()
    # A generation ahead of the store's is from before the database was set back: it counts no more.
    if found.last_left <= store.confirmed.get(found.host_id, 0) <= found.generation:
        return set()
    known = confirmed(connection, found.host_id)
    if known is None:
        return set()
    store.confirmed[found.host_id] = known
    if found.last_left <= known:
        return set()
    network = store.plan.segment_network(found.host, found.tenant, found.segment)
    first = int(network.network_address)
    return {one - first for one in resting(connection, first, int(network.broadcast_address), known)}


def _rests(what: str, late: list[str]) -> str:
    return (
        f"{what} was in security groups until less than {DEAD_AFTER} s ago, and not known to be out of them on"
        f" {', '.join(late)}; try again"
    )


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
    if number in _at_rest(connection, store, found):
        late = late_hosts(connection, found.host_id)
        raise AddressRestsError(_rests(str(address), late), hosts=late)
    return number
