"""Where floating IPs lead to, port by port: as it is kept, and what each host is told of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select

from romana.models import Forwarding, ForwardingPut, StateForwarding
from romana.store.schema import endpoints, floating_ips, forwardings, hosts
from romana.store.store import wake_host

Rows = Sequence[Row[*tuple[Any, ...]]]
_FORWARDINGS = (
    select(
        forwardings,
        endpoints.c.address.label("endpoint_address"),
        endpoints.c.host_id,
        hosts.c.name.label("host"),
        hosts.c.number.label("host_number"),
        hosts.c.address.label("host_address"),
    )
    .join(endpoints, endpoints.c.id == forwardings.c.endpoint_id)
    .join(hosts, hosts.c.id == endpoints.c.host_id)
    .order_by(forwardings.c.address, forwardings.c.protocol, forwardings.c.port)
)


def read(connection: Connection, *conditions: ColumnElement[bool]) -> dict[int, Rows]:
    """The forwardings that fit all conditions, with their endpoints and hosts, by floating IP."""
    rows = connection.execute(_FORWARDINGS.where(*conditions)).all()
    return {address: list(those) for address, those in groupby(rows, lambda row: row.address)}


def of_address(connection: Connection, address: int) -> Rows:
    """The forwardings of one floating IP."""
    return read(connection, forwardings.c.address == address).get(address, ())


def answering(rows: Rows) -> Row[*tuple[Any, ...]]:
    """The forwarding whose endpoint's host answers for the floating IP of these: that with the smallest number."""
    first: Row[*tuple[Any, ...]] = min(rows, key=lambda row: row.host_number)
    return first


def told_of_ports(rows: Rows) -> dict[int, list[StateForwarding]]:
    """What hosts are told of the forwardings of one floating IP, by the host's id; the others are told nothing.

    A host knows those to its own endpoints; the one that answers for the floating IP knows all.
    """
    if not rows:
        return {}
    first = answering(rows)
    found: dict[int, list[StateForwarding]] = defaultdict(list)
    for row in rows:
        for host_id in {row.host_id, first.host_id}:
            found[host_id].append(
                StateForwarding(
                    address=IPv4Address(row.address),
                    protocol=row.protocol,
                    port=row.port,
                    endpoint_address=IPv4Address(row.endpoint_address),
                    endpoint_port=row.endpoint_port,
                    host=None if row.host_id == host_id else IPv4Address(row.host_address),
                    answering=None if first.host_id == host_id else IPv4Address(first.host_address),
                )
            )
    return dict(found)


def told_host(connection: Connection, host_id: int) -> list[StateForwarding]:
    """All that a host is told of forwardings."""
    concerned = (
        select(forwardings.c.address)
        .join(endpoints, endpoints.c.id == forwardings.c.endpoint_id)
        .where(endpoints.c.host_id == host_id)
    )
    there = read(connection, forwardings.c.address.in_(concerned))
    return [one for rows in there.values() for one in told_of_ports(rows)[host_id]]


def to_forwarding(row: Row[*tuple[Any, ...]]) -> Forwarding:
    """The forwarding in a row."""
    return Forwarding(
        protocol=row.protocol,
        port=row.port,
        endpoint=row.endpoint_id,
        endpoint_port=row.endpoint_port,
        endpoint_address=IPv4Address(row.endpoint_address),
        host=row.host,
    )


def replace(connection: Connection, address: int, wanted: Iterable[ForwardingPut]) -> None:
    """Have a floating IP just these forwardings."""
    connection.execute(delete(forwardings).where(forwardings.c.address == address))
    values = [
        {
            "address": address,
            "protocol": one.protocol.value,
            "port": one.port,
            "endpoint_id": one.endpoint,
            "endpoint_port": one.endpoint_port,
        }
        for one in wanted
    ]
    if values:
        connection.execute(insert(forwardings), values)


def told(connection: Connection, address: int) -> dict[int, object]:
    """What hosts are told of a floating IP, by the host's id: so that those are woken for whom it changes."""
    statement = (
        select(endpoints.c.host_id, endpoints.c.address)
        .join(floating_ips, floating_ips.c.endpoint_id == endpoints.c.id)
        .where(floating_ips.c.address == address)
    )
    row = connection.execute(statement).one_or_none()
    if row is not None:
        return {row.host_id: row.address}
    return dict(told_of_ports(of_address(connection, address)))


def wake(connection: Connection, before: dict[int, object], after: dict[int, object], generation: int) -> None:
    """Wake the hosts that are told something else of a floating IP than before. before, after: of `told`."""
    for host_id in sorted(before.keys() | after.keys()):
        if before.get(host_id) != after.get(host_id):
            wake_host(connection, host_id, generation)


def leave_endpoint(connection: Connection, identifier: str, generation: int) -> None:
    """Take an endpoint its floating IP, and what is forwarded to it with the floating IPs that nothing is left of.

    Its own host is the caller's to wake.
    """
    connection.execute(delete(floating_ips).where(floating_ips.c.endpoint_id == identifier))
    statement = select(forwardings.c.address).distinct().where(forwardings.c.endpoint_id == identifier)
    for address in connection.execute(statement.order_by(forwardings.c.address)).scalars().all():
        before = told(connection, address)
        to_it = (forwardings.c.address == address, forwardings.c.endpoint_id == identifier)
        connection.execute(delete(forwardings).where(*to_it))
        after = told(connection, address)
        if not after:
            connection.execute(delete(floating_ips).where(floating_ips.c.address == address))
        wake(connection, before, after, generation)
