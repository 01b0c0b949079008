"""What stands in the way when something in use is to be removed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from romana.cli.errors import CommandError
from romana.client import Client
from romana.contract import ApiError
from romana.models import ErrorCode, Peer

NAMED = 3  # how many are named in the one line; the rest is counted


@contextmanager
def say_what_is_in_the_way(
    api: Client, *, host: str | None = None, tenant: str | None = None, segment: str | None = None
) -> Iterator[None]:
    """Turn the server's "in use" about the given host, tenant or segment into what to remove first.

    Raises CommandError.
    """
    try:
        yield
    except ApiError as error:
        if error.code != ErrorCode.IN_USE:
            raise
        endpoints = api.endpoints(host=host, tenant=tenant, segment=segment)
        ways = [f"romana endpoint delete {endpoint.address}" for endpoint in endpoints]
        if tenant is not None:
            policies = api.policies()
            ways += [
                f"romana policy delete {policy.name}"
                for policy in policies
                if any(_names(peer, tenant, segment) for peer in (policy.source, policy.target))
            ]
        if tenant is not None and segment is None:
            ways += [f"romana host set {owned.name} --no-owner" for owned in api.hosts() if owned.owner == tenant]
        more = f"; and {len(ways) - NAMED} more" if len(ways) > NAMED else ""
        raise CommandError(f"{error}: {'; '.join(ways[:NAMED])}{more}") from None


def _names(peer: Peer, tenant: str, segment: str | None) -> bool:
    return peer.tenant == tenant and (segment is None or peer.segment == segment)
