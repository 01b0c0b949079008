"""What the APIs answer, as their clients need it."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from cloud_client import Cloud

TIMES = 100  # of those that the kernel reset without an answer, it was every second to eighth
PATHS = {
    "identity": "/v3/projects",
    "image": "/v2/images",
    "placement": "/resource_providers",
    "compute": "/servers",
    "network": "/v2.0/networks",
}


def refusal(url: str, chunked: bool) -> int | str:
    """What becomes of a request that has a body, and a token that is none."""
    body = b'{"name": "' + b"x" * 20_000 + b'"}'
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


@pytest.mark.parametrize("chunked", [False, True], ids=["whole", "chunked"])
@pytest.mark.parametrize("service", PATHS)
def test_a_bad_token_is_refused_whatever_comes_with_it(admin: Cloud, service: str, chunked: bool) -> None:
    url = admin.url(service).removesuffix("/v3") + PATHS[service]
    with ThreadPoolExecutor(8) as pool:
        answers = Counter(pool.map(lambda _: refusal(url, chunked), range(TIMES)))
    assert answers == {401: TIMES}


def test_users_begin_in_their_own_projects(admin: Cloud) -> None:
    assert admin.default_project == "admin"
