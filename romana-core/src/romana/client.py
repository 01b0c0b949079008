"""A small synchronous client of the Romana API: what the command line, the installer and its checks use.

Every answer is validated into `romana.models`. Nothing is retried here: whether a request may be sent twice is
known by the caller only (creating an endpoint may, with its idempotency key).
"""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Mapping
from ipaddress import IPv4Address
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import quote

import httpx
from pydantic import TypeAdapter, ValidationError

from romana import models
from romana.unreachable import describe

CONNECT_TIMEOUT = 5.0  # seconds
READ_TIMEOUT = 30.0  # seconds

T = TypeVar("T")


class ClientError(Exception):
    """Anything that keeps a request from being answered as asked; the text is one line for people."""


class ApiError(ClientError):
    """The server answered with an error.

    Attributes: status (HTTP), code (models.ErrorCode), message (one sentence) and details (depends on the code).
    """

    def __init__(self, status: int, code: models.ErrorCode, message: str, details: Mapping[str, object]) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details


class Unreachable(ClientError):  # noqa: N818 - the state of the server, as in "host unreachable"
    """There was no answer from `url`; `reason` says why and what to do about it."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"no answer from {url}: {reason}")
        self.url = url
        self.reason = reason


class AnswerError(ClientError):
    """Something answered, but not as this version's romana-server does."""


class ConfigError(ClientError):
    """The client's own configuration (url, CA file, token file) cannot be used."""


class Client:
    """A connection to one romana-server, kept alive between requests. Safe to share between threads.

    Every method raises ApiError, Unreachable or AnswerError.
    """

    def __init__(
        self,
        url: str,
        ca_file: Path | str | None,
        token: str,
        server_name: str = "",
        socket: Path | None = None,
    ) -> None:
        """Prepare to talk to `url` (https://host:port); nothing is sent yet.

        Args:
            url: where romana-server listens; http only on this machine itself, the token must not travel in clear.
            ca_file: PEM file of the authority that signed the server's certificate; None: the system's authorities.
            token: bearer token.
            server_name: name the server's certificate has to have; empty: the host of `url`.
            socket: Unix socket that leads to where `url` says, when the network does not.

        Raises:
            ConfigError: one of the three cannot be used.
        """
        self.url = _checked_url(url)
        trust = _trust(ca_file) if self.url.startswith("https:") else False
        self._http = httpx.Client(
            base_url=self.url,
            transport=httpx.HTTPTransport(verify=trust, uds=str(socket) if socket else None),
            headers={"Authorization": f"Bearer {_checked_token(token)}", "Accept": "application/json"},
            timeout=httpx.Timeout(READ_TIMEOUT, connect=CONNECT_TIMEOUT),
            event_hooks={"request": [lambda request: request.extensions.update(_expected(server_name))]},
            trust_env=False,  # a proxy for the web is no way to the controller next door
        )

    def close(self) -> None:
        """Close the kept connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # --- hosts ------------------------------------------------------------------------------------------------------

    def hosts(self) -> list[models.Host]:
        return self._read(list[models.Host], "/v1/hosts")

    def host(self, name: str) -> models.Host:
        return self._read(models.Host, f"/v1/hosts/{_part(name)}")

    def create_host(self, host: models.HostCreate) -> models.Host:
        return self._create(models.Host, "/v1/hosts", host)

    def update_host(self, name: str, update: models.HostUpdate) -> models.Host:
        return self._update(models.Host, f"/v1/hosts/{_part(name)}", update)

    def delete_host(self, name: str) -> None:
        self._delete(f"/v1/hosts/{_part(name)}")

    def applied(self, host: str) -> models.Applied:
        """What the host's agent last reported to have in place."""
        return self._read(models.Applied, f"/v1/hosts/{_part(host)}/applied")

    # --- tenants and segments ---------------------------------------------------------------------------------------

    def tenants(self) -> list[models.Tenant]:
        return self._read(list[models.Tenant], "/v1/tenants")

    def tenant(self, name: str) -> models.Tenant:
        return self._read(models.Tenant, f"/v1/tenants/{_part(name)}")

    def create_tenant(self, tenant: models.TenantCreate) -> models.Tenant:
        return self._create(models.Tenant, "/v1/tenants", tenant)

    def delete_tenant(self, name: str) -> None:
        """Delete a tenant and its segments."""
        self._delete(f"/v1/tenants/{_part(name)}")

    def segments(self, tenant: str) -> list[models.Segment]:
        return self._read(list[models.Segment], f"/v1/tenants/{_part(tenant)}/segments")

    def segment(self, tenant: str, name: str) -> models.Segment:
        return self._read(models.Segment, f"/v1/tenants/{_part(tenant)}/segments/{_part(name)}")

    def create_segment(self, tenant: str, segment: models.SegmentCreate) -> models.Segment:
        return self._create(models.Segment, f"/v1/tenants/{_part(tenant)}/segments", segment)

    def delete_segment(self, tenant: str, name: str) -> None:
        self._delete(f"/v1/tenants/{_part(tenant)}/segments/{_part(name)}")

    # --- endpoints --------------------------------------------------------------------------------------------------

    def endpoints(
        self,
        *,
        host: str | None = None,
        tenant: str | None = None,
        segment: str | None = None,
        address: IPv4Address | str | None = None,
        interface: str | None = None,
    ) -> list[models.Endpoint]:
        """Endpoints that match every given filter; without filters all."""
        filters = {"host": host, "tenant": tenant, "segment": segment, "address": address, "interface": interface}
        query = {key: str(value) for key, value in filters.items() if value is not None}
        return self._read(list[models.Endpoint], "/v1/endpoints", query)

    def endpoint(self, endpoint_id: str) -> models.Endpoint:
        return self._read(models.Endpoint, f"/v1/endpoints/{_part(endpoint_id)}")

    def create_endpoint(self, endpoint: models.EndpointCreate, key: str | None = None) -> models.Endpoint:
        """Allocate an address. With the same idempotency `key` a repeated request gives the same endpoint again."""
        return self._create(models.Endpoint, "/v1/endpoints", endpoint, {"Idempotency-Key": key} if key else {})

    def update_endpoint(self, endpoint_id: str, update: models.EndpointUpdate) -> models.Endpoint:
        return self._update(models.Endpoint, f"/v1/endpoints/{_part(endpoint_id)}", update)

    def delete_endpoint(self, endpoint_id: str) -> None:
        self._delete(f"/v1/endpoints/{_part(endpoint_id)}")

    # --- policies ---------------------------------------------------------------------------------------------------

    def policies(self) -> list[models.Policy]:
        return self._read(list[models.Policy], "/v1/policies")

    def policy(self, name: str) -> models.Policy:
        return self._read(models.Policy, f"/v1/policies/{_part(name)}")

    def create_policy(self, policy: models.PolicyCreate) -> models.Policy:
        return self._create(models.Policy, "/v1/policies", policy)

    def delete_policy(self, name: str) -> None:
        self._delete(f"/v1/policies/{_part(name)}")

    # --- addresses --------------------------------------------------------------------------------------------------

    def plan(self) -> models.Plan:
        return self._read(models.Plan, "/v1/plan")

    def ipam(self) -> list[models.IpamUsage]:
        return self._read(list[models.IpamUsage], "/v1/ipam")

    def ipam_check(self) -> models.IpamCheck:
        return self._read(models.IpamCheck, "/v1/ipam/check")

    def explain(self, address: IPv4Address | str) -> models.Explain:
        return self._read(models.Explain, f"/v1/explain/{_part(str(address))}")

    # --- one request ------------------------------------------------------------------------------------------------

    def _read(self, kind: type[T], path: str, query: Mapping[str, str] | None = None) -> T:
        return self._parse(kind, self._send("GET", path, query=query))

    def _create(self, kind: type[T], path: str, body: models.Model, headers: Mapping[str, str] | None = None) -> T:
        return self._parse(kind, self._send("POST", path, body.model_dump_json(), headers))

    def _update(self, kind: type[T], path: str, body: models.Model) -> T:
        return self._parse(kind, self._send("PATCH", path, body.model_dump_json(exclude_unset=True)))

    def _delete(self, path: str) -> None:
        self._send("DELETE", path)

    def _send(
        self,
        method: str,
        path: str,
        body: str | None = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        content_type = {"Content-Type": "application/json"} if body is not None else {}
        try:
            response = self._http.request(
                method, path, content=body, params=query, headers={**content_type, **(headers or {})}
            )
        except httpx.TransportError as error:
            raise Unreachable(self.url, describe(error, self.url)) from error
        except httpx.DecodingError as error:
            raise AnswerError(f"{self.url} sent an answer that cannot be decoded ({error})") from error
        if not response.is_success:
            raise self._error(response)
        return response

    def _parse(self, kind: type[T], response: httpx.Response) -> T:
        try:
            return TypeAdapter(kind).validate_json(response.content)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "the answer"
            raise AnswerError(
                f"{self.url} does not answer as this version expects ({where}: {first['msg']});"
                " is url right, and are server and client of the same version?"
            ) from error

    def _error(self, response: httpx.Response) -> ClientError:
        try:
            error = models.ErrorBody.model_validate_json(response.content).error
        except ValidationError:
            kind = response.headers.get("Content-Type", "nothing")
            return AnswerError(
                f"{self.url} answered {response.status_code} {response.reason_phrase} ({kind}),"
                " not as romana-server does; is url right?"
            )
        return ApiError(response.status_code, error.code, error.message, error.details)


def _part(name: str) -> str:
    """A name as one part of a path: whatever it contains, it stays one part."""
    if not name:
        raise ValueError("a name is empty")
    return quote(name, safe="")


def _expected(server_name: str) -> dict[str, str]:
    return {"sni_hostname": server_name} if server_name else {}


def _checked_url(url: str) -> str:
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL:
        parts = httpx.URL()
    if parts.scheme not in ("http", "https") or not parts.host or parts.port == 0:
        raise ConfigError(f"url {url!r} is not valid; write it like https://192.168.99.10:9600")
    if parts.scheme == "http" and not _is_this_machine(parts.host):
        raise ConfigError(f"url {url!r} would send the token in clear over the network; use https")
    return url.rstrip("/")


def _is_this_machine(hostname: str) -> bool:
    try:
        return ipaddress.ip_address(hostname).is_loopback
    except ValueError:
        return hostname == "localhost"


def _checked_token(token: str) -> str:
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigError("the token is empty or has characters a token never has; write it again from its source")
    return token


def _trust(ca_file: Path | str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError:
        why = "holds no PEM certificate"
    except OSError as error:
        why = f"cannot be read ({error.strerror})"
    raise ConfigError(f"ca_file {ca_file} {why}; copy the controller's /etc/romana/ca.pem")
