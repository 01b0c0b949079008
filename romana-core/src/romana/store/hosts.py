"""Hosts: each has one number (its index in the plan), and with it one prefix."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import IPv4Address
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from romana.addressing import AddressPlan
from romana.models import Host, HostCreate, HostUpdate
from romana.store import delivery
from romana.store.database import Unchanged
from romana.store.errors import ConflictError, HostsExhaustedError, InUseError, InvalidError, NotFoundError
from romana.store.in_use import check_no_endpoints
from romana.store.numbers import check_generation, lowest_free
from romana.store.outside import check_floating_ip, check_host_address
from romana.store.schema import endpoints, floating_ips, hosts, segments, tenants
from romana.store.store import Store, current_generation, wake_all_hosts, wake_host
from romana.store.tenants import find_tenant

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

    def work(connection: Connection) -> list[Host]:
        there = delivery.read(connection)
        rows = connection.execute(select(*_COLUMNS).order_by(hosts.c.number)).mappings()
        return [_host(store.plan, row, there.get(row["id"], [])) for row in rows]

    return store.database.read(work)


def get_host(store: Store, name: str) -> Host:
    """Raises NotFoundError."""
    return store.database.read(lambda connection: _read(connection, store.plan, name))


def create_host(store: Store, wanted: HostCreate) -> tuple[Host, bool]:
    """The host, and whether it is new.

    Raises ConflictError (it exists with other values, another has the index or address, it is a floating IP, or a
    floating IP is delivered to another), HostsExhaustedError, InvalidError (index, address or floating IP that no host
    can have) and NotFoundError (its owner).
    """
    check_host_address(store.plan, wanted.address)
    for address in wanted.floating_ips or []:
        check_floating_ip(store.plan, address)
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
            return Unchanged((_same(_read(connection, store.plan, wanted.name), wanted), False))
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
        delivery.replace(connection, find_host(connection, wanted.name)["id"], wanted.floating_ips or [])
        wake_all_hosts(connection, generation)
        return _read(connection, store.plan, wanted.name), True

    return store.database.write(work)


def update_host(store: Store, name: str, wanted: HostUpdate, expected: int | None) -> Host:
    """Change the host's own address, whose it is, or which floating IPs are delivered to it only.

    Raises NotFoundError (the host or its owner), GenerationConflictError, ConflictError, InvalidError and InUseError
    (it has endpoints of other tenants than its owner).
    """
    if wanted.address is not None:
        check_host_address(store.plan, wanted.address)
    for address in wanted.floating_ips or []:
        check_floating_ip(store.plan, address)

    def work(connection: Connection) -> Host | Unchanged[Host]:
        row = find_host(connection, name)
        check_generation(f"host {name}", row["generation"], expected)
        values: dict[str, Any] = {}
        if wanted.address is not None and row["address"] != int(wanted.address):
            others = connection.execute(select(*_COLUMNS).where(hosts.c.id != row["id"])).mappings().all()
            _check_free(others, wanted.address, None)
            values["address"] = int(wanted.address)
        if "owner" in wanted.model_fields_set and row["owner"] != wanted.owner:
            values["owner_id"] = _owner_id(connection, wanted.owner)
            _check_only_owners(connection, row, wanted.owner)
        there = delivery.of_host(connection, row["id"])
        floating = there if wanted.floating_ips is None else sorted(wanted.floating_ips)
        if not values and floating == there:
            return Unchanged(_host(store.plan, row, there))
        generation = current_generation(connection)
        if values:
            connection.execute(update(hosts).where(hosts.c.id == row["id"]).values(**values))
            wake_all_hosts(connection, generation)
        if floating != there:
            delivery.replace(connection, row["id"], floating)
            wake_host(connection, row["id"], generation)
        if "address" in values:  # after what was delivered as a floating IP until now
            _check_no_floating_ip(connection, IPv4Address(values["address"]))
        return _read(connection, store.plan, name)

    return store.database.write(work)


def delete_host(store: Store, name: str, expected: int | None) -> None:
    """Raises NotFoundError, GenerationConflictError and InUseError (it has endpoints)."""

    def work(connection: Connection) -> None:
        row = find_host(connection, name)
        check_generation(f"host {name}", row["generation"], expected)
        check_no_endpoints(row, f"host {name}", host=name)
        delivery.replace(connection, row["id"], [])
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


def _check_free(known: Any, address: IPv4Address, number: int | None) -> None:
    for row in known:
        if row["address"] == int(address):
            raise ConflictError(f"address {address} already belongs to host {row['name']}", host=row["name"])
        if row["number"] == number:
            raise ConflictError(f"index {number} already belongs to host {row['name']}", host=row["name"])


def _check_no_floating_ip(connection: Connection, address: IPv4Address) -> None:
    delivery.check_not_delivered(connection, address)
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


def _same(host: Host, wanted: HostCreate) -> Host:
    others = wanted.index not in (None, host.index) or wanted.owner not in (None, host.owner)
    others = others or (wanted.floating_ips is not None and sorted(wanted.floating_ips) != host.floating_ips)
    if host.address != wanted.address or others:
        owner = "" if host.owner is None else f", owner {host.owner}"
        floating = [str(address) for address in host.floating_ips]
        raise ConflictError(
            f"host {host.name} exists with other values: address {host.address}, index {host.index}{owner}"
            + (f", floating IPs {', '.join(floating)}" if floating else ""),
            address=str(host.address),
            index=host.index,
            owner=host.owner,
            floating_ips=floating,
        )
    return host


def _read(connection: Connection, plan: AddressPlan, name: str) -> Host:
    """Raises NotFoundError."""
    row = find_host(connection, name)
    return _host(plan, row, delivery.of_host(connection, row["id"]))


def _host(plan: AddressPlan, row: RowMapping, floating: list[IPv4Address]) -> Host:
    at = row["applied_at"]
    return Host(
        name=row["name"],
        address=IPv4Address(row["address"]),
        index=row["number"],
        owner=row["owner"],
        floating_ips=floating,
        prefix=plan.host_network(row["number"]),
        gateway=plan.gateway(row["number"]),
        endpoints=row["endpoints"],
        generation=row["generation"],
        applied=row["applied_generation"],
        applied_at=None if at is None else datetime.fromtimestamp(at / 1000, UTC),
        errors=row["applied_errors"],
    )
