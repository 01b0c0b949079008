"""The probes' endpoints and policies in the API: made like anybody's, marked by their names, always removed."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from romana.client import Client
from romana.contract import ApiError
from romana.models import Endpoint, EndpointCreate, EndpointStatus, ErrorCode, Host
from romana_install.verify.probe_places import Spot

ANY_RUN = "[0-9a-f]{8}"
AT_ONCE = 8  # requests
BETWEEN_LOOKS = 0.03  # seconds between two looks at something that is about to change


class NotYetError(Exception):
    """Something did not happen in time; the message says what, in one line."""


def new_run() -> str:
    """The mark of one verification, in the names of all it makes."""
    return secrets.token_hex(4)


def probe_name(run: str, number: int) -> str:
    """Name of a probe, of its endpoint, and what its listeners answer."""
    return f"probe-{run}-{number}"


def policy_name(run: str) -> str:
    """Name of the temporary policy."""
    return f"probe-{run}"


def create(client: Client, run: str, spots: Sequence[Spot]) -> list[Endpoint]:
    """An endpoint for each spot, in that order. Raises ClientError when one cannot be had."""

    def one(number: int, spot: Spot) -> Endpoint:
        name = probe_name(run, number)
        random = secrets.token_hex(6)
        mac = ":".join(["fa", "16", "3e", random[:2], random[2:4], random[4:6]])
        wish = EndpointCreate(
            host=spot.host,
            tenant=spot.tenant,
            segment=spot.segment,
            mac=mac,
            interface=f"tap{secrets.token_hex(6)[:11]}",
            name=name,
        )
        return client.create_endpoint(wish, name)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, range(len(spots)), spots))


def remove(client: Client, run: str = ANY_RUN) -> list[str]:
    """Remove the endpoints and policies of one run, or of any; their names. Raises ClientError."""
    policies, endpoints = _existing(client, run)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda name: _gone(client.delete_policy, name), policies))
        list(pool.map(lambda endpoint: _gone(client.delete_endpoint, endpoint.id), endpoints))
    return policies + [str(endpoint.name) for endpoint in endpoints]


def remaining(client: Client, run: str) -> list[str]:
    """The names of what still exists of one run. Raises ClientError."""
    policies, endpoints = _existing(client, run)
    return policies + [str(endpoint.name) for endpoint in endpoints]


def _existing(client: Client, run: str) -> tuple[list[str], list[Endpoint]]:
    policies = [policy.name for policy in client.policies() if re.fullmatch(f"probe-{run}", policy.name)]
    endpoints = [endpoint for endpoint in client.endpoints() if re.fullmatch(rf"probe-{run}-\d+", endpoint.name or "")]
    return policies, endpoints


def _gone(delete: Callable[[str], None], name: str) -> None:
    try:
        delete(name)
    except ApiError as error:
        if error.code != ErrorCode.NOT_FOUND:
            raise


def wait_active(client: Client, endpoints: Iterable[Endpoint], seconds: float) -> list[Endpoint]:
    """Wait until every endpoint is active or `seconds` are over; how they are then, in the same order."""
    deadline = time.monotonic() + seconds
    return [_wait_one(client, endpoint, deadline) for endpoint in endpoints]


def _wait_one(client: Client, endpoint: Endpoint, deadline: float) -> Endpoint:
    while True:
        now = client.endpoint(endpoint.id)
        if now.status is not EndpointStatus.PENDING or time.monotonic() > deadline:
            return now
        time.sleep(BETWEEN_LOOKS)


def wait_applied(client: Client, names: Iterable[str], seconds: float) -> list[Host]:
    """Wait until the agents of the named hosts have applied what the API wants now; the hosts then.

    Raises NotYetError naming those that have not within `seconds`; ClientError.
    """
    deadline = time.monotonic() + seconds
    wanted = set(names)
    while True:
        hosts = [host for host in client.hosts() if host.name in wanted]
        behind = [host for host in hosts if host.applied is None or host.applied < host.generation]
        if not behind:
            return hosts
        if time.monotonic() > deadline:
            texts = [f"{host.name} has applied {host.applied}, wanted is {host.generation}" for host in behind]
            raise NotYetError(f"not within {seconds:g} s: {', '.join(texts)}; see: journalctl -u romana-agent there")
        time.sleep(BETWEEN_LOOKS)
