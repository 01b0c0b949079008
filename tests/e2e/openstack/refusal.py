"""Requests that OpenStack's APIs refuse before they have read their body."""

from __future__ import annotations

import requests

PATHS = {
    "identity": "/v3/projects",
    "image": "/v2/images",
    "placement": "/resource_providers",
    "compute": "/servers",
    "network": "/v2.0/networks",
}


def refusal(url: str, chunked: bool) -> int | str:
    """What becomes of a request that has a body, and a token that is none."""
    body = b'{"project": {"name": "one", "description": "' + b"x" * 20_000 + b'"}}'  # Keystone looks at it first
    with requests.Session() as session:
        session.trust_env = False
        try:
            return session.post(
                url,
                data=iter([body]) if chunked else body,
                headers={"X-Auth-Token": "none", "Content-Type": "application/json"},
                timeout=300,
            ).status_code
        except requests.ConnectionError as error:
            return type(error).__name__
