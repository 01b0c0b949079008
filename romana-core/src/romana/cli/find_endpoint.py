"""Which endpoint a user means."""

from __future__ import annotations

from ipaddress import IPv4Address

from romana.cli.errors import CommandError
from romana.client import Client
from romana.models import Endpoint

NAMED = 4  # how many of several matching endpoints an error names
SHOWN = 60  # characters of a wrong reference that an error repeats


def find_endpoint(api: Client, reference: str) -> Endpoint:
    """The one endpoint with this address, id, name, or id that begins like this. Raises CommandError."""
    try:
        found = api.endpoints(address=IPv4Address(reference))
    except ValueError:
        found = matching(api.endpoints(), reference)
    if len(found) == 1:
        return found[0]
    shown = repr(reference[:SHOWN])
    if not found:
        raise CommandError(f"no endpoint has the id, name or address {shown}; romana endpoint list shows all")
    some = ", ".join(f"{endpoint.id} ({endpoint.address})" for endpoint in found[:NAMED])
    raise CommandError(f"{shown} can be {len(found)} endpoints; say which by id or address: {some}")


def matching(endpoints: list[Endpoint], reference: str) -> list[Endpoint]:
    """Endpoints of that id; if none, of that name; if none, whose id begins with it."""
    if not reference:
        return []
    return (
        [endpoint for endpoint in endpoints if endpoint.id == reference]
        or [endpoint for endpoint in endpoints if endpoint.name == reference]
        or [endpoint for endpoint in endpoints if endpoint.id.startswith(reference)]
    )
