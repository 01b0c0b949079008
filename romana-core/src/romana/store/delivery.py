"""Floating IPs that the network delivers to one host only, as on AWS an address reaches one network interface.

They lead to endpoints of that host, and to no others: an answer would leave by an interface that has not the address.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, insert, select, union_all

from romana.store.errors import ConflictError
from romana.store.outside import check_no_host
from romana.store.schema import delivered, endpoints, floating_ips, forwardings, hosts

NAMED = 3  # addresses that a sentence names
_DELIVERED = (
    select(delivered.c.address, delivered.c.host_id, hosts.c.name.label("host"))
    .join(hosts, hosts.c.id == delivered.c.host_id)
    .order_by(delivered.c.host_id, delivered.c.address)
)
_ENDS = union_all(
    *(
        select(where.c.address, endpoints.c.id, endpoints.c.host_id, hosts.c.name.label("host"))
        .join(endpoints, endpoints.c.id == where.c.endpoint_id)
        .join(hosts, hosts.c.id == endpoints.c.host_id)
        for where in (floating_ips, forwardings)
    )
).subquery()
# Floating IPs that lead to an endpoint of another host than the one that they are delivered to.
ASTRAY = (
    select(_ENDS.c.address, _ENDS.c.id, _ENDS.c.host, delivered.c.host_id)
    .distinct()
    .join(delivered, delivered.c.address == _ENDS.c.address)
    .where(delivered.c.host_id != _ENDS.c.host_id)
    .order_by(_ENDS.c.address, _ENDS.c.id)
)


def read(connection: Connection, *conditions: ColumnElement[bool]) -> dict[int, list[IPv4Address]]:
    """What is delivered to hosts only, by the host's id, sorted; of those that fit all conditions."""
    rows = connection.execute(_DELIVERED.where(*conditions)).all()
    return {host: [IPv4Address(row.address) for row in those] for host, those in groupby(rows, lambda row: row.host_id)}


def of_host(connection: Connection, host_id: int) -> list[IPv4Address]:
    """What is delivered to one host only, sorted."""
    return read(connection, delivered.c.host_id == host_id).get(host_id, [])


def replace(connection: Connection, host_id: int, wanted: Iterable[IPv4Address]) -> None:
    """Have just these delivered to a host only; each can be a floating IP.

    Raises ConflictError (another host has one, or it leads to an endpoint elsewhere) and InvalidError (it is a host's
    address).
    """
    those = sorted({int(address) for address in wanted})
    other = connection.execute(_DELIVERED.where(delivered.c.address.in_(those), delivered.c.host_id != host_id)).first()
    if other is not None:
        raise ConflictError(
            f"{IPv4Address(other.address)} is delivered to host {other.host} already; take it off that host first",
            host=other.host,
        )
    connection.execute(delete(delivered).where(delivered.c.host_id == host_id))
    if those:
        connection.execute(insert(delivered), [{"address": address, "host_id": host_id} for address in those])
    check_no_host(connection, *map(IPv4Address, those))
    _check_none_astray(connection, host_id)


def check_not_delivered(connection: Connection, address: IPv4Address) -> None:
    """Raises ConflictError when an address, which is to be a host's own, is delivered as a floating IP."""
    row = connection.execute(_DELIVERED.where(delivered.c.address == int(address))).first()
    if row is not None:
        raise ConflictError(
            f"{address} is a floating IP that is delivered to host {row.host}; take it off that host first",
            host=row.host,
        )


def check_leads_there(connection: Connection, address: IPv4Address, ends: Sequence[Any]) -> None:
    """Raises ConflictError when a floating IP is to lead to an endpoint where it is not delivered.

    ends: rows of endpoints, with `id`, `host` and `host_id`.
    """
    there = connection.execute(_DELIVERED.where(delivered.c.address == int(address))).one_or_none()
    astray = [one for one in ends if there is not None and one.host_id != there.host_id]
    if there is None or not astray:
        return
    first = astray[0]
    raise ConflictError(
        f"floating IP {address} is delivered to host {there.host} only, and endpoint {first.id} is on {first.host},"
        f" which has {_advice(_free(connection, first.host_id))}",
        floating_ip=str(address),
        host=there.host,
        endpoints=[one.id for one in astray],
    )


def _free(connection: Connection, host_id: int) -> list[IPv4Address]:
    """What is delivered to a host and leads nowhere yet."""
    return read(
        connection, delivered.c.host_id == host_id, delivered.c.address.not_in(select(floating_ips.c.address))
    ).get(host_id, [])


def _advice(free: Sequence[IPv4Address]) -> str:
    if not free:
        return "none free; take one away there, or give it one that is delivered to no host only"
    *others, last = map(str, free[:NAMED])
    if not others:
        return f"{last} free; give it that one"
    return f"{', '.join(others)} and {last} free; give it one of these"


def _check_none_astray(connection: Connection, host_id: int) -> None:
    row = connection.execute(ASTRAY.where(delivered.c.host_id == host_id)).first()
    if row is not None:
        address = IPv4Address(row.address)
        raise ConflictError(
            f"{address} is the floating IP of endpoint {row.id} on host {row.host}, which it would not reach any more;"
            " take it from that endpoint first",
            floating_ip=str(address),
            endpoint=row.id,
            host=row.host,
        )
