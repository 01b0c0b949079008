"""Floating IPs: addresses outside the plan, each of one endpoint, or forwarded port by port to some."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from romana.models import FloatingIp, FloatingIpPut
from romana.store import delivery, forwardings
from romana.store.database import Unchanged
from romana.store.endpoints import find_endpoint
from romana.store.errors import ConflictError, NotFoundError
from romana.store.forwardings import told, wake
from romana.store.numbers import check_generation
from romana.store.outside import check_floating_ip, check_no_host
from romana.store.schema import endpoints, floating_ips, hosts
from romana.store.store import Store, current_generation

_FLOATING_IPS = (
    select(
        floating_ips,
        endpoints.c.address.label("endpoint_address"),
        endpoints.c.host_id,
        hosts.c.name.label("host"),
    )
    .outerjoin(endpoints, endpoints.c.id == floating_ips.c.endpoint_id)
    .outerjoin(hosts, hosts.c.id == endpoints.c.host_id)
    .order_by(floating_ips.c.address)
)


def list_floating_ips(store: Store) -> list[FloatingIp]:
    """All floating IPs by address. Raises UnavailableError, as everything here."""

    def work(connection: Connection) -> list[FloatingIp]:
        there = forwardings.read(connection)
        return [_floating_ip(row, there.get(row.address, ())) for row in connection.execute(_FLOATING_IPS)]

    return store.database.read(work)


def get_floating_ip(store: Store, address: IPv4Address) -> FloatingIp:
    """Raises NotFoundError."""
    return store.database.read(lambda connection: _get(connection, address))


def put_floating_ip(
    store: Store, address: IPv4Address, wanted: FloatingIpPut, expected: int | None
) -> tuple[FloatingIp, bool]:
    """The floating IP as it is then, and whether it is new; of another endpoint before, it moves.

    Raises NotFoundError (an endpoint), InvalidError (the address is none that a floating IP can have), ConflictError
    (the endpoint has another one, or is not where the floating IP is delivered) and GenerationConflictError.
    """
    check_floating_ip(store.plan, address)

    def work(connection: Connection) -> tuple[FloatingIp, bool] | Unchanged[tuple[FloatingIp, bool]]:
        before = _find(connection, address)
        if before is not None:
            check_generation(f"floating IP {address}", before.generation, expected)
        check_no_host(connection, address)
        ends = [find_endpoint(connection, one) for one in _ends(wanted)]
        if wanted.endpoint is not None:
            _check_only(connection, address, ends[0])
        delivery.check_leads_there(connection, address, ends)
        if before is not None and _says(before) == _says(wanted):
            return Unchanged((before, False))
        generation = current_generation(connection)
        before_told = told(connection, int(address))
        values = {"endpoint_id": wanted.endpoint, "project_id": wanted.project_id, "generation": generation}
        if before is None:
            connection.execute(insert(floating_ips).values(address=int(address), **values))
        else:
            connection.execute(update(floating_ips).where(floating_ips.c.address == int(address)).values(**values))
        forwardings.replace(connection, int(address), wanted.forwardings)
        wake(connection, before_told, told(connection, int(address)), generation)
        return _get(connection, address), before is None

    return store.database.write(work)


def delete_floating_ip(store: Store, address: IPv4Address, expected: int | None) -> None:
    """Raises NotFoundError and GenerationConflictError."""

    def work(connection: Connection) -> None:
        check_generation(f"floating IP {address}", _get(connection, address).generation, expected)
        wake(connection, told(connection, int(address)), {}, current_generation(connection))
        forwardings.replace(connection, int(address), ())
        connection.execute(delete(floating_ips).where(floating_ips.c.address == int(address)))

    store.database.write(work)


def _ends(one: FloatingIpPut) -> list[str]:
    """The ids of the endpoints that it leads to."""
    return sorted({each.endpoint for each in one.forwardings}) if one.endpoint is None else [one.endpoint]


def _says(one: FloatingIpPut) -> tuple[object, ...]:
    """What was asked for, in an order of its own."""
    forwarded = sorted((each.protocol.value, each.port, each.endpoint, each.endpoint_port) for each in one.forwardings)
    return one.endpoint, one.project_id, forwarded


def _check_only(connection: Connection, address: IPv4Address, endpoint: Any) -> None:
    statement = select(floating_ips.c.address).where(
        floating_ips.c.endpoint_id == endpoint.id, floating_ips.c.address != int(address)
    )
    other = connection.execute(statement).scalar_one_or_none()
    if other is not None:
        raise ConflictError(
            f"endpoint {endpoint.id} ({IPv4Address(endpoint.address)}) has floating IP {IPv4Address(other)}, and an"
            " endpoint has one at most; take that one away first",
            endpoint=endpoint.id,
            floating_ip=str(IPv4Address(other)),
        )


def _find(connection: Connection, address: IPv4Address) -> FloatingIp | None:
    row = connection.execute(_FLOATING_IPS.where(floating_ips.c.address == int(address))).one_or_none()
    return None if row is None else _floating_ip(row, forwardings.of_address(connection, int(address)))


def _get(connection: Connection, address: IPv4Address) -> FloatingIp:
    found = _find(connection, address)
    if found is None:
        raise NotFoundError(f"there is no floating IP {address}", kind="floating IP", address=str(address))
    return found


def _floating_ip(row: Any, forwarded: forwardings.Rows) -> FloatingIp:
    return FloatingIp(
        address=IPv4Address(row.address),
        endpoint=row.endpoint_id,
        project_id=row.project_id,
        forwardings=[forwardings.to_forwarding(one) for one in forwarded],
        endpoint_address=None if row.endpoint_id is None else IPv4Address(row.endpoint_address),
        host=forwardings.answering(forwarded).host if row.endpoint_id is None else row.host,
        generation=row.generation,
    )
