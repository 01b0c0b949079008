"""Hosts: each has one number (its index in the plan), and with it one prefix."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import IPv4Address
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from romana.addressing import AddressPlan
from romana.models import Host, HostCreate, HostUpdate
from romana.store.database import Unchanged
from romana.store.errors import ConflictError, HostsExhaustedError, InUseError, InvalidError, NotFoundError
from romana.store.in_use import check_no_endpoints
from romana.store.numbers import check_generation, lowest_free
from romana.store.schema import endpoints, floating_ips, hosts, segments, tenants
from romana.store.store import Store, current_generation, wake_all_hosts
from romana.store.tenants import find_tenant

OWN_NETWORK = "give the host's address in its own network"
# First bytes of addresses that no host has: this network and loopback (RFC 6890), and from where on there is multicast.
NOBODYS, MULTICAST = (0, 127), 224
_COUNT = (
    select(func.count())
    .select_from(endpoints)
    .where(endpoints.c.host_id == hosts.c.id)
    .correlate(hosts)
    .scalar_subquery()
    .label("endpoints")
)
_OWNER = (
    select(tenants.c.name).where(tenants.c.id == hosts.c.owner_id).correlate(hosts).scalar_subquery().label("owner")
)
_COLUMNS = (
    hosts.c.id,
    hosts.c.name,
    hosts.c.number,
    hosts.c.address,
    hosts.c.generation,
    hosts.c.applied_generation,
    hosts.c.applied_at,
    hosts.c.applied_errors,
    _COUNT,
    _OWNER,
)


def list_hosts(store: Store) -> list[Host]:
    """All hosts by index. Raises UnavailableError, as everything here."""
    return store.database.read(
        lambda connection: [
            _host(store.plan, row) for row in connection.execute(select(*_COLUMNS).order_by(hosts.c.number)).mappings()
        ]
    )


def get_host(store: Store, name: str) -> Host:
    """Raises NotFoundError."""
    return store.database.read(lambda connection: _host(store.plan, find_host(connection, name)))


def create_host(store: Store, wanted: HostCreate) -> tuple[Host, bool]:
    """The host, and whether it is new.

    Raises ConflictError (it exists with other values, another has the index or address, or it is a floating IP),
    HostsExhaustedError, InvalidError (index or address that no host can have) and NotFoundError (its owner).
    """
    check_address(store.plan, wanted.address, OWN_NETWORK)
    allowed = store.plan.hosts
    if wanted.index is not None and wanted.index not in allowed:
        raise InvalidError(
            f"host index {wanted.index} is outside the address plan's {allowed[0]}..{allowed[-1]};"
            " leave it out to get the lowest free one"
        )

    def work(connection: Connection) -> tuple[Host, bool] | Unchanged[tuple[Host, bool]]:
        known = connection.execute(select(*_COLUMNS).order_by(hosts.c.number)).mappings().all()
        existing = next((row for row in known if row["name"] == wanted.name), None)
        if existing is not None:
            return Unchanged((_same(store.plan, existing, wanted), False))
        _check_free(known, wanted.address, wanted.index)
        _check_no_floating_ip(connection, wanted.address)
        number = wanted.index
        if number is None:
            number = lowest_free(allowed, (row["number"] for row in known))
        if number is None:
            raise HostsExhaustedError(
                f"no index is left for host {wanted.name}: all {len(allowed)} of the address plan are taken;"
                " delete a host, or use a plan with more host_bits",
                host=wanted.name,
                capacity=len(allowed),
            )
        generation = current_generation(connection)
        connection.execute(
            insert(hosts).values(
                name=wanted.name,
                number=number,
                address=int(wanted.address),
                owner_id=_owner_id(connection, wanted.owner),
                generation=generation,
                applied_errors=0,
            )
        )
        wake_all_hosts(connection, generation)
        return _host(store.plan, find_host(connection, wanted.name)), True

    return store.database.write(work)


def update_host(store: Store, name: str, wanted: HostUpdate, expected: int | None) -> Host:
    """Change the host's own address, or whose it is.

    Raises NotFoundError (the host or its owner), GenerationConflictError, ConflictError, InvalidError and InUseError
    (it has endpoints of other tenants than its owner).
    """
    if wanted.address is not None:
        check_address(store.plan, wanted.address, OWN_NETWORK)

    def work(connection: Connection) -> Host | Unchanged[Host]:
        row = find_host(connection, name)
        check_generation(f"host {name}", row["generation"], expected)
        values: dict[str, int | None] = {}
        if wanted.address is not None and row["address"] != int(wanted.address):
            others = connection.execute(select(*_COLUMNS).where(hosts.c.id != row["id"])).mappings().all()
            _check_free(others, wanted.address, None)
            _check_no_floating_ip(connection, wanted.address)
            values["address"] = int(wanted.address)
        if "owner" in wanted.model_fields_set and row["owner"] != wanted.owner:
            values["owner_id"] = _owner_id(connection, wanted.owner)
            _check_only_owners(connection, row, wanted.owner)
        if not values:
            return Unchanged(_host(store.plan, row))
        connection.execute(update(hosts).where(hosts.c.id == row["id"]).values(**values))
        wake_all_hosts(connection, current_generation(connection))
        return _host(store.plan, find_host(connection, name))

    return store.database.write(work)


def delete_host(store: Store, name: str, expected: int | None) -> None:
    """Raises NotFoundError, GenerationConflictError and InUseError (it has endpoints)."""

    def work(connection: Connection) -> None:
        row = find_host(connection, name)
        check_generation(f"host {name}", row["generation"], expected)
        check_no_endpoints(row, f"host {name}", host=name)
        connection.execute(delete(hosts).where(hosts.c.id == row["id"]))
        wake_all_hosts(connection, current_generation(connection))

    store.database.write(work)


def find_host(connection: Connection, name: str) -> RowMapping:
    """The row of a host, without what it has applied. Raises NotFoundError."""
    row = connection.execute(select(*_COLUMNS).where(hosts.c.name == name)).mappings().one_or_none()
    if row is None:
        raise no_host(name)
    return row


def no_host(name: str) -> NotFoundError:
    """The error about a host that is not there."""
    return NotFoundError(f"there is no host {name}", kind="host", name=name)


def check_address(plan: AddressPlan, address: IPv4Address, fix: str) -> None:
    """Raises InvalidError when it is no address by which a host or an endpoint is reached from outside the plan.

    fix: what to do, for the message.
    """
    if address in plan.network:
        raise InvalidError(f"{address} lies inside the address plan {plan.cidr}; {fix}")
    if address.packed[0] in NOBODYS or address.packed[0] >= MULTICAST:
        raise InvalidError(f"{address} is no address that others can reach; {fix}")


def _check_free(known: Any, address: IPv4Address, number: int | None) -> None:
    for row in known:
        if row["address"] == int(address):
            raise ConflictError(f"address {address} already belongs to host {row['name']}", host=row["name"])
        if row["number"] == number:
            raise ConflictError(f"index {number} already belongs to host {row['name']}", host=row["name"])


def _check_no_floating_ip(connection: Connection, address: IPv4Address) -> None:
    statement = select(floating_ips.c.endpoint_id).where(floating_ips.c.address == int(address))
    row = connection.execute(statement).one_or_none()
    if row is not None:
        whose = "forwarded port by port" if row.endpoint_id is None else f"of endpoint {row.endpoint_id}"
        raise ConflictError(f"{address} is a floating IP, {whose}", endpoint=row.endpoint_id)


def _owner_id(connection: Connection, owner: str | None) -> int | None:
    return None if owner is None else find_tenant(connection, owner)["id"]


def _check_only_owners(connection: Connection, row: RowMapping, owner: str | None) -> None:
    """Raises InUseError when endpoints of other tenants are on the host."""
    if owner is None:
        return
    others = (
        select(tenants.c.name)
        .distinct()
        .join(segments, segments.c.tenant_id == tenants.c.id)
        .join(endpoints, endpoints.c.segment_id == segments.c.id)
        .where(endpoints.c.host_id == row["id"], tenants.c.name != owner)
        .order_by(tenants.c.name)
    )
    if names := connection.execute(others).scalars().all():
        raise InUseError(
            f"host {row['name']} is in use: it has endpoints of tenant {', '.join(names)}; delete them first",
            host=row["name"],
            tenants=list(names),
        )


def _same(plan: AddressPlan, row: RowMapping, wanted: HostCreate) -> Host:
    host = _host(plan, row)
    others = wanted.index not in (None, host.index) or wanted.owner not in (None, host.owner)
    if host.address != wanted.address or others:
        owner = "" if host.owner is None else f", owner {host.owner}"
        raise ConflictError(
            f"host {host.name} exists with other values: address {host.address}, index {host.index}{owner}",
            address=str(host.address),
            index=host.index,
            owner=host.owner,
        )
    return host


def _host(plan: AddressPlan, row: RowMapping) -> Host:
    at = row["applied_at"]
    return Host(
        name=row["name"],
        address=IPv4Address(row["address"]),
        index=row["number"],
        owner=row["owner"],
        prefix=plan.host_network(row["number"]),
        gateway=plan.gateway(row["number"]),
        endpoints=row["endpoints"],
        generation=row["generation"],
        applied=row["applied_generation"],
        applied_at=None if at is None else datetime.fromtimestamp(at / 1000, UTC),
        errors=row["applied_errors"],
    )
