"""A cloud's APIs, as far as a verification uses them: one user in one project."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from romana_install.base.invocation import command

PATIENCE = 120.0  # seconds for one answer; where processors are emulated, of a request for instances 20


class CloudError(Exception):
    """The cloud refuses, or does not answer; the text says who and why, one line."""


class Cloud:
    """Tokens and URLs come from Keystone (Identity API v3)."""

    def __init__(
        self, keystone: str, user: str, password: str, project: str, sockets: Mapping[int, Path] | None = None
    ) -> None:
        """Raises CloudError. keystone: URL with the version; sockets: what leads to ports that the network hides."""
        ways = {
            # An URL without a port has none to be known by; any other is more like its own.
            "http://*" if port == 80 else f"all://*:{port}": httpx.HTTPTransport(uds=str(path))
            for port, path in (sockets or {}).items()
        }
        # Never by a proxy: the cloud's addresses are the stack's own.
        self._http = httpx.Client(timeout=PATIENCE, trust_env=False, mounts=ways)
        domain = {"name": "Default"}
        identity = {
            "methods": ["password"],
            "password": {"user": {"name": user, "domain": domain, "password": password}},
        }
        scope = {"project": {"name": project, "domain": domain}}
        body = {"auth": {"identity": identity, "scope": scope}}
        answer = self._send("POST", f"{keystone}/auth/tokens", body, also=httpx.codes.UNAUTHORIZED)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            raise CloudError(changed_password(user))
        self._http.headers["X-Auth-Token"] = answer.headers["X-Subject-Token"]
        self.urls = {one["type"]: _public(one) for one in answer.json()["token"]["catalog"]}

    def __enter__(self) -> Cloud:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self._http.close()

    def offers(self, service: str) -> bool:
        """Whether the catalogue has a service; Placement is in none of releases before Newton."""
        return service in self.urls

    def get(self, service: str, path: str) -> Any:
        """What is at a path of a service, like compute; None when there is nothing. Raises CloudError."""
        answer = self._send("GET", self.urls[service] + path, also=httpx.codes.NOT_FOUND)
        return None if answer.status_code == httpx.codes.NOT_FOUND else answer.json()

    def list(self, service: str, path: str, key: str) -> list[dict[str, Any]]:
        """What the answer holds under a key. Raises CloudError."""
        answer = self.get(service, path)
        if answer is None:
            raise CloudError(f"GET {self.urls[service]}{path}: there is no such API")
        return list(answer[key])

    def named(self, service: str, path: str, name: str) -> str:
        """The id of the one thing of that name, in the list at a path that ends in its kind. Raises CloudError."""
        kind = path.rpartition("/")[2]
        for one in self.list(service, path, kind):
            if one["name"] == name:
                return str(one["id"])
        raise CloudError(f"there is no {name} among {kind}; bring it back with: {command('install')}")

    def post(self, service: str, path: str, body: dict[str, Any]) -> Any:
        """Make something, or ask for an action. Raises CloudError."""
        answer = self._send("POST", self.urls[service] + path, body)
        return answer.json() if answer.content else None

    def put(self, service: str, path: str, body: dict[str, Any]) -> None:
        """Change something. Raises CloudError."""
        self._send("PUT", self.urls[service] + path, body)

    def delete(self, service: str, path: str) -> None:
        """Delete what may be gone already. Raises CloudError."""
        self._send("DELETE", self.urls[service] + path, also=httpx.codes.NOT_FOUND)

    def _send(
        self, method: str, url: str, body: dict[str, Any] | None = None, also: int | None = None
    ) -> httpx.Response:
        """The answer: a good one, or one of the status `also`. Raises CloudError."""
        try:
            answer = self._http.request(method, url, json=body)
        except httpx.HTTPError as error:
            raise CloudError(f"{method} {url}: {error or type(error).__name__}") from None
        if answer.is_error and answer.status_code != also:
            raise CloudError(f"{method} {url}: {answer.status_code} {' '.join(answer.text.split())[:300]}")
        return answer


def changed_password(user: str) -> str:
    """What is to be done where Keystone does not take a user's password any more. Pure."""
    return (
        f"Keystone refuses the password of {user} that this stack keeps: somebody has changed it; tell the new one"
        f" with: {command('install')} -e '{{openstack_passwords: {{{user}: NEW}}}}'"
    )


def _public(service: dict[str, Any]) -> str:
    return next(str(one["url"]).rstrip("/") for one in service["endpoints"] if one["interface"] == "public")
