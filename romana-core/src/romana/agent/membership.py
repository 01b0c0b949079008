"""Who is in the groups that rules of this host's groups name, put together from the server's differences. Pure."""

from __future__ import annotations

from ipaddress import IPv4Network

from romana.models import GroupMembers, Members

Membership = dict[str, frozenset[IPv4Network]]  # members of groups, by the groups' ids


def updated(before: Membership, answer: Members) -> Membership:
    """The members after an answer of the server: all anew, or with what has changed."""
    after = {} if answer.whole else dict(before)
    for group in answer.groups:
        after[group.id] = (after.get(group.id, frozenset()) - set(group.removed)) | set(group.added)
    return after


def whole(generation: int, membership: Membership) -> Members:
    """The answer that gives all of them."""
    groups = [GroupMembers(id=name, added=sorted(there)) for name, there in sorted(membership.items())]
    return Members(generation=generation, whole=True, groups=groups)
