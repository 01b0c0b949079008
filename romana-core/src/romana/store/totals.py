"""How much there is of everything, for monitoring."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, case, func, select

from romana.models import EndpointStatus
from romana.store.schema import (
    endpoints,
    floating_ips,
    forwardings,
    groups,
    hosts,
    memberships,
    policies,
    routers,
    segments,
    tenants,
)
from romana.store.store import Store, current_generation

_BEHIND = func.sum(case((hosts.c.applied_generation == hosts.c.generation, 0), else_=1))
_HOSTS = select(
    func.count().label("hosts"),
    func.coalesce(_BEHIND, 0).label("behind"),
    func.coalesce(func.sum(hosts.c.applied_errors), 0).label("errors"),
    func.coalesce(func.sum(hosts.c.applied_groups), 0).label("groups"),
    func.coalesce(func.sum(hosts.c.applied_group_members), 0).label("group_members"),
).select_from(hosts)
_MEMBERS = select(memberships.c.group_id, memberships.c.endpoint_id).distinct().subquery()


@dataclass(frozen=True)
class Totals:
    """Counts at one moment.

    group_members: endpoints in groups; one in two groups is two. agent_groups, agent_group_members: sums of what the
    agents have.
    """

    generation: int
    hosts: int
    hosts_behind: int
    agent_errors: int
    tenants: int
    segments: int
    policies: int
    routers: int
    floating_ips: int
    forwardings: int
    groups: int
    group_members: int
    agent_groups: int
    agent_group_members: int
    endpoints: dict[EndpointStatus, int]


def totals(store: Store) -> Totals:
    """Count everything. Raises UnavailableError."""

    def work(connection: Connection) -> Totals:
        here = connection.execute(_HOSTS).one()
        by_status = select(endpoints.c.status, func.count()).group_by(endpoints.c.status)
        counted = {EndpointStatus(status): count for status, count in connection.execute(by_status)}
        return Totals(
            generation=current_generation(connection),
            hosts=here.hosts,
            hosts_behind=int(here.behind),
            agent_errors=int(here.errors),
            tenants=connection.execute(select(func.count()).select_from(tenants)).scalar_one(),
            segments=connection.execute(select(func.count()).select_from(segments)).scalar_one(),
            policies=connection.execute(select(func.count()).select_from(policies)).scalar_one(),
            routers=connection.execute(select(func.count()).select_from(routers)).scalar_one(),
            floating_ips=connection.execute(select(func.count()).select_from(floating_ips)).scalar_one(),
            forwardings=connection.execute(select(func.count()).select_from(forwardings)).scalar_one(),
            groups=connection.execute(select(func.count()).select_from(groups)).scalar_one(),
            group_members=connection.execute(select(func.count()).select_from(_MEMBERS)).scalar_one(),
            agent_groups=int(here.groups),
            agent_group_members=int(here.group_members),
            endpoints={status: counted.get(status, 0) for status in EndpointStatus},
        )

    return store.database.read(work)
