"""The desired state of one host, whole, as its agent follows it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, Row, select

from romana.addressing import AddressPlan
from romana.models import (
    Changes,
    GroupRule,
    HostState,
    Peer,
    Plan,
    Selector,
    StateEndpoint,
    StateFloating,
    StateGroup,
    StateHost,
    StateRule,
    StateSegment,
    port_bounds,
)
from romana.router_policies import router_policies
from romana.store.endpoints import bandwidth_of, lease_of, permissions_of
from romana.store.forwardings import told_host
from romana.store.hosts import no_host
from romana.store.memberships import groups_on, members
from romana.store.routers import all_routers
from romana.store.schema import META_ROW, endpoints, floating_ips, groups, hosts, meta, policies, segments, tenants
from romana.store.store import Store

_HOSTS = (
    select(
        hosts.c.id,
        hosts.c.name,
        hosts.c.number,
        hosts.c.address,
        hosts.c.generation,
        hosts.c.mac,
        tenants.c.number.label("owner"),
    )
    .outerjoin(tenants, hosts.c.owner_id == tenants.c.id)
    .order_by(hosts.c.number)
)
_SEGMENTS = (
    select(
        segments.c.id,
        segments.c.tenant_id,
        tenants.c.name.label("tenant_name"),
        segments.c.name.label("segment_name"),
        tenants.c.number.label("tenant"),
        segments.c.number.label("segment"),
    )
    .join(tenants, segments.c.tenant_id == tenants.c.id)
    .order_by(tenants.c.number, segments.c.number)
)
_POLICIES = select(policies).order_by(policies.c.name)
_ENDPOINTS = select(
    endpoints.c.id,
    endpoints.c.address,
    endpoints.c.mac,
    endpoints.c.interface,
    endpoints.c.permissions,
    endpoints.c.lease,
    endpoints.c.bandwidth,
)
_GENERATIONS = select(
    hosts.c.id,
    hosts.c.name,
    hosts.c.generation,
    hosts.c.members_generation,
    hosts.c.names_generation,
    meta.c.generation.label("newest"),
).where(meta.c.id == META_ROW)
_GROUPS = select(groups.c.id, groups.c.rules).order_by(groups.c.id)
_FLOATING = (
    select(floating_ips.c.address, endpoints.c.address.label("endpoint_address"))
    .join(endpoints, endpoints.c.id == floating_ips.c.endpoint_id)
    .order_by(floating_ips.c.address)
)
_RULES = TypeAdapter(list[GroupRule])


@dataclass(frozen=True, slots=True)
class HostGenerations:
    """Of what a host must have. store: the whole store's, than which none is higher."""

    state: int
    members: int
    store: int

    def has_state_after(self, generation: int | None) -> bool:
        """Another one counts, not only a higher one: a database that was set back has to be followed, too."""
        return self.state != generation

    def has_members_after(self, generation: int | None) -> bool:
        """Whether who knows the members of that generation does not know all."""
        return generation is None or generation > self.store or self.members > generation


def host_generations(store: Store) -> dict[str, HostGenerations]:
    """The generations of what each host must have, by its name. Raises UnavailableError, as everything here."""
    return store.database.read(
        lambda connection: {
            row.name: HostGenerations(row.generation, row.members_generation, row.newest)
            for row in connection.execute(_GENERATIONS)
        }
    )


def wire_plan(plan: AddressPlan) -> Plan:
    """The address plan on the wire."""
    return Plan(
        cidr=plan.cidr,
        host_bits=plan.host_bits,
        tenant_bits=plan.tenant_bits,
        segment_bits=plan.segment_bits,
        endpoint_bits=plan.endpoint_bits,
    )


def host_state(store: Store, name: str) -> HostState:
    """Everything one host must have. Raises NotFoundError."""
    return store.database.read(lambda connection: _state(connection, store.plan, name))


def host_changes(store: Store, name: str, state_after: int | None, members_after: int | None) -> Changes:
    """What of a host's state and members is newer, both as of one moment. Raises NotFoundError."""

    def work(connection: Connection) -> Changes:
        row = connection.execute(_GENERATIONS.where(hosts.c.name == name)).one_or_none()
        if row is None:
            raise no_host(name)
        there = HostGenerations(row.generation, row.members_generation, row.newest)
        has_members = there.has_members_after(members_after)
        return Changes(
            state=_state(connection, store.plan, name) if there.has_state_after(state_after) else None,
            members=members(connection, row, members_after) if has_members else None,
        )

    return store.database.read(work)


def _state(connection: Connection, plan: AddressPlan, name: str) -> HostState:
    known = connection.execute(_HOSTS).all()
    own = next((row for row in known if row.name == name), None)
    if own is None:
        raise no_host(name)
    restricted = any(row.owner is not None for row in known)  # only then it matters who sends what
    there = connection.execute(_SEGMENTS).all()
    mine = connection.execute(_ENDPOINTS.where(endpoints.c.host_id == own.id).order_by(endpoints.c.address))
    return HostState(
        generation=own.generation,
        plan=wire_plan(plan),
        host=_host(own, None),
        peers=[_host(row, row.mac if restricted else None) for row in known if row.id != own.id],
        segments=[
            StateSegment(tenant=row.tenant, segment=row.segment) for row in there if own.owner in (None, row.tenant)
        ],
        rules=[
            rule
            for rule in (*_rules(connection, there), *_router_rules(connection, there))
            if own.owner is None or own.owner in (rule.source.tenant, rule.target.tenant)
        ],
        endpoints=[
            StateEndpoint(
                id=row.id,
                address=IPv4Address(row.address),
                mac=row.mac,
                interface=row.interface,
                permissions=permissions_of(row),
                lease=lease_of(row),
                bandwidth=bandwidth_of(row),
            )
            for row in mine
        ],
        groups=[
            StateGroup(id=row.id, rules=_RULES.validate_json(row.rules))
            for row in connection.execute(_GROUPS.where(groups.c.id.in_(groups_on(own.id))))
        ],
        floating=[
            StateFloating(address=IPv4Address(row.address), endpoint_address=IPv4Address(row.endpoint_address))
            for row in connection.execute(_FLOATING.where(endpoints.c.host_id == own.id))
        ],
        forwarding=told_host(connection, own.id),
    )


def _host(row: Row[*tuple[Any, ...]], mac: str | None) -> StateHost:
    address = IPv4Address(row.address)
    return StateHost(name=row.name, index=row.number, address=address, owner=row.owner, mac=mac)


def _rules(connection: Connection, there: Sequence[Row[*tuple[Any, ...]]]) -> list[StateRule]:
    by_tenant: dict[int, list[Selector]] = defaultdict(list)
    by_id: dict[int, Selector] = {}
    for row in there:
        by_id[row.id] = Selector(tenant=row.tenant, segment=row.segment)
        by_tenant[row.tenant_id].append(by_id[row.id])
    return [
        StateRule(
            source=source,
            target=target,
            protocol=policy["protocol"],
            ports=[port_bounds(text) for text in json.loads(policy["ports"])],
        )
        for policy in connection.execute(_POLICIES).mappings()
        for source in _selectors(policy, "source", by_tenant, by_id)
        for target in _selectors(policy, "target", by_tenant, by_id)
    ]


def _router_rules(connection: Connection, there: Sequence[Row[*tuple[Any, ...]]]) -> list[StateRule]:
    segment = {(row.tenant_name, row.segment_name): Selector(tenant=row.tenant, segment=row.segment) for row in there}

    def selector(side: Peer) -> Selector:
        if side.tenant is None or side.segment is None:
            return Selector(cidr=side.cidr)
        return segment[side.tenant, side.segment]

    return [
        StateRule(source=selector(policy.source), target=selector(policy.target), protocol=policy.protocol)
        for router in all_routers(connection)
        for policy in router_policies(router)
    ]


def _selectors(
    policy: Mapping[Any, Any], side: str, by_tenant: Mapping[int, list[Selector]], by_id: Mapping[int, Selector]
) -> list[Selector]:
    """One side of a policy; a tenant means each of its segments, those it has now."""
    if (cidr := policy[f"{side}_cidr"]) is not None:
        return [Selector(cidr=IPv4Network(cidr))]
    if (segment := policy[f"{side}_segment_id"]) is not None:
        return [by_id[segment]]
    return by_tenant.get(policy[f"{side}_tenant_id"], [])
