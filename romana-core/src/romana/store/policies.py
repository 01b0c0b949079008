"""Policies: traffic that may pass beyond what a segment may within itself."""

from __future__ import annotations

import json
from ipaddress import IPv4Network
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, select

from romana.models import Peer, Policy, PolicyCreate
from romana.store.database import Unchanged
from romana.store.errors import ConflictError, InvalidError, NotFoundError
from romana.store.numbers import check_generation
from romana.store.schema import policies, segments, tenants
from romana.store.segments import find_segment
from romana.store.store import Store, current_generation, wake_all_hosts
from romana.store.tenants import find_tenant

_source_tenant, _target_tenant = tenants.alias("source_tenant"), tenants.alias("target_tenant")
_source_segment, _target_segment = segments.alias("source_segment"), segments.alias("target_segment")
_POLICIES = (
    select(
        policies,
        _source_tenant.c.name.label("source_tenant"),
        _source_segment.c.name.label("source_segment"),
        _target_tenant.c.name.label("target_tenant"),
        _target_segment.c.name.label("target_segment"),
    )
    .outerjoin(_source_tenant, policies.c.source_tenant_id == _source_tenant.c.id)
    .outerjoin(_source_segment, policies.c.source_segment_id == _source_segment.c.id)
    .outerjoin(_target_tenant, policies.c.target_tenant_id == _target_tenant.c.id)
    .outerjoin(_target_segment, policies.c.target_segment_id == _target_segment.c.id)
    .order_by(policies.c.name)
)


def list_policies(store: Store) -> list[Policy]:
    """All policies by name. Raises UnavailableError, as everything here."""
    return store.database.read(lambda connection: [_policy(row) for row in connection.execute(_POLICIES).mappings()])


def get_policy(store: Store, name: str) -> Policy:
    """Raises NotFoundError."""
    return store.database.read(lambda connection: _policy(_find(connection, name)))


def create_policy(store: Store, wanted: PolicyCreate) -> tuple[Policy, bool]:
    """The policy, and whether it is new.

    Raises NotFoundError (tenant or segment), ConflictError (it exists with other values) and InvalidError (a CIDR
    that reaches into the address plan).
    """
    for peer in (wanted.source, wanted.target):
        if peer.cidr is not None:
            _check_outside(peer.cidr, store.plan.network)

    def work(connection: Connection) -> tuple[Policy, bool] | Unchanged[tuple[Policy, bool]]:
        row = connection.execute(_POLICIES.where(policies.c.name == wanted.name)).mappings().one_or_none()
        if row is not None:
            return Unchanged((_same(_policy(row), wanted), False))
        sides = _columns(connection, "source", wanted.source) | _columns(connection, "target", wanted.target)
        generation = current_generation(connection)
        connection.execute(
            insert(policies).values(
                name=wanted.name,
                **sides,
                protocol=wanted.protocol.value,
                ports=json.dumps(wanted.ports),
                generation=generation,
            )
        )
        wake_all_hosts(connection, generation)
        return Policy(**wanted.model_dump(), generation=generation), True

    return store.database.write(work)


def delete_policy(store: Store, name: str, expected: int | None) -> None:
    """Raises NotFoundError and GenerationConflictError."""

    def work(connection: Connection) -> None:
        row = _find(connection, name)
        check_generation(f"policy {name}", row["generation"], expected)
        connection.execute(delete(policies).where(policies.c.id == row["id"]))
        wake_all_hosts(connection, current_generation(connection))

    store.database.write(work)


def _check_outside(cidr: IPv4Network, plan: IPv4Network) -> None:
    if cidr.prefixlen and cidr.overlaps(plan):
        raise InvalidError(
            f"{cidr} overlaps the address plan {plan}; name a tenant or segment for addresses of the plan, and for"
            " others networks that lie outside of it, or 0.0.0.0/0 for all that does"
        )


def _columns(connection: Connection, side: str, peer: Peer) -> dict[str, Any]:
    """A side's peer as the table has it; the other columns of the side stay NULL. Raises NotFoundError."""
    if peer.tenant is None:
        return {f"{side}_cidr": str(peer.cidr)}
    found = {f"{side}_tenant_id": find_tenant(connection, peer.tenant)["id"]}
    if peer.segment is not None:
        found[f"{side}_segment_id"] = find_segment(connection, peer.tenant, peer.segment)["id"]
    return found


def _find(connection: Connection, name: str) -> RowMapping:
    row = connection.execute(_POLICIES.where(policies.c.name == name)).mappings().one_or_none()
    if row is None:
        raise NotFoundError(f"there is no policy {name}", kind="policy", name=name)
    return row


def _same(existing: Policy, wanted: PolicyCreate) -> Policy:
    values: dict[str, Any] = existing.model_dump(mode="json", exclude={"generation"})
    if values != wanted.model_dump(mode="json"):
        raise ConflictError(
            f"policy {existing.name} exists with other values; delete it first, or choose another name", **values
        )
    return existing


def _policy(row: RowMapping) -> Policy:
    return Policy(
        name=row["name"],
        source=Peer(tenant=row["source_tenant"], segment=row["source_segment"], cidr=row["source_cidr"]),
        target=Peer(tenant=row["target_tenant"], segment=row["target_segment"], cidr=row["target_cidr"]),
        protocol=row["protocol"],
        ports=json.loads(row["ports"]),
        generation=row["generation"],
    )
