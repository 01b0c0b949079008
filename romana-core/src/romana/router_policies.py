"""What a router lets pass, as policies that nobody made. Pure."""

from __future__ import annotations

from ipaddress import IPv4Network
from itertools import permutations

from romana.models import Peer, PolicyCreate, Router

OUTSIDE = IPv4Network("0.0.0.0/0")  # as policies mean it: all that is outside the plan


def router_policies(router: Router) -> list[PolicyCreate]:
    """Each two of its segments may ask each other for anything, and with `outside` each may ask what is there."""
    sides = [Peer(tenant=one.tenant, segment=one.segment) for one in router.segments]
    pairs = list(permutations(sides, 2))
    if router.outside:
        pairs += [(side, Peer(cidr=OUTSIDE)) for side in sides]
    return [PolicyCreate(name=router.id, source=source, target=target) for source, target in pairs]
