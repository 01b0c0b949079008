"""What is in place, as the agent reports it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network

from romana.agent.desired import Desired, Endpoint
from romana.agent.faults import subject_of
from romana.agent.observed import PROTOCOL, Observed
from romana.agent.others import reported
from romana.agent.plumbing import Problem, next_hop
from romana.agent.ruleset import Elements
from romana.filters.barriers import Barrier
from romana.models import Applied, AppliedEndpoint, AppliedError, Bandwidth, EndpointStatus


def applied(
    wanted: Desired,
    observed: Observed,
    firewall: Elements,
    answers: Callable[[Endpoint], bool],
    problems: Iterable[Problem],
    routers: bool = False,
    barriers: Sequence[Barrier] = (),
    members: int | None = None,
) -> Applied:
    """The report.

    Args:
        wanted: what the host must have.
        observed: what it has.
        firewall: elements of the firewall's sets that are in place.
        answers: whether DHCP answers this endpoint as it must.
        problems: all that went wrong.
        routers: as `plan` was told.
        barriers: chains of others that stand in the way.
        members: generation of the members that are in place.
    """
    known = list(problems)
    blamed = {problem.subject: problem.message for problem in reversed(known)}
    ours = {
        (route.prefix, route.link, route.via)
        for there in observed.routes.values()
        for route in there
        if route.protocol == PROTOCOL
    }
    routed = {(prefix, via) for prefix, _, via in ours}
    return Applied(
        generation=wanted.generation,
        members=members,
        groups=wanted.known.groups,
        group_members=wanted.known.members,
        mac=_mac(wanted, observed),
        errors=[
            *(AppliedError(subject=problem.subject, message=problem.message) for problem in known),
            *(AppliedError(subject="chain", message=str(barrier)) for barrier in barriers if barrier.certain),
        ],
        barriers=reported(barriers),
        endpoints=[
            *(_endpoint(item, observed, ours, firewall, answers, blamed) for item in wanted.endpoints),
            *(_disabled(item) for item in wanted.disabled),
        ],
        routes=[
            IPv4Network(peer.prefix)
            for peer in wanted.peers
            if (peer.prefix, next_hop(peer.address, observed) if routers else peer.address) in routed
        ],
        pairs=[
            (IPv4Address(source), IPv4Address(target)) for source, target in sorted(firewall.get("pairs", frozenset()))
        ],
    )


def _mac(wanted: Desired, observed: Observed) -> str | None:
    """The MAC that other hosts see packets of this host come from; None while nothing has the host's address."""
    own = (observed.links.get(item.link) for item in observed.addresses if item.address == wanted.address)
    return next((link.mac for link in own if link is not None and link.mac), None)


def _disabled(endpoint: Endpoint) -> AppliedEndpoint:
    detail = "it is disabled"
    status = EndpointStatus.PENDING
    return AppliedEndpoint(id=endpoint.id, status=status, detail=detail, route=False, lease=False, firewall=True)


def _endpoint(
    endpoint: Endpoint,
    observed: Observed,
    routes: set[tuple[str, int, str | None]],
    firewall: Elements,
    answers: Callable[[Endpoint], bool],
    blamed: dict[str, str],
) -> AppliedEndpoint:
    link = observed.link(endpoint.interface)
    route = link is not None and (endpoint.prefix, link.index, None) in routes
    lease = answers(endpoint)
    guarded = (
        (endpoint.interface,) in firewall.get("taps", frozenset())
        and (endpoint.interface, endpoint.mac, endpoint.address) in firewall.get("sources", frozenset())
    )  # fmt: skip
    problem = blamed.get(endpoint.subject) or _of_groups(endpoint, blamed)
    if problem is None and (endpoint.groups is not None or endpoint.bandwidth != Bandwidth() or not guarded):
        problem = blamed.get("firewall")  # these may have changed, and what is in place has not
    if problem is None and not lease:
        problem = blamed.get("dhcp")
    if problem is None and not route:
        problem = blamed.get("gateway")
    status, detail = EndpointStatus.ACTIVE, None
    if problem is not None:
        status, detail = EndpointStatus.ERROR, problem
    elif link is None:
        status, detail = EndpointStatus.PENDING, f"interface {endpoint.interface} does not exist yet"
    elif not link.up:
        status, detail = EndpointStatus.PENDING, f"interface {endpoint.interface} is down"
    elif not (route and lease and guarded):
        status, detail = EndpointStatus.PENDING, "being applied"
    return AppliedEndpoint(id=endpoint.id, status=status, detail=detail, route=route, lease=lease, firewall=guarded)


def _of_groups(endpoint: Endpoint, blamed: dict[str, str]) -> str | None:
    """What is wrong with the first of its groups that something is wrong with."""
    faulty = ((group, blamed.get(subject_of(group))) for group in endpoint.groups or ())
    return next((f"{subject_of(group)}: {problem}" for group, problem in faulty if problem), None)
