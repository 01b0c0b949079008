"""A small synchronous client of the Romana API: what the command line, the installer and its checks use.

Every answer is validated into `romana.models`. Nothing is retried here: whether a request may be sent twice is
known by the caller only (creating an endpoint may, with its idempotency key).
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import httpx
from pydantic import TypeAdapter, ValidationError

from romana import contract, models
from romana.contract import path

CONNECT_TIMEOUT = 5.0  # seconds
READ_TIMEOUT = 30.0  # seconds

T = TypeVar("T")


class Client:
    """A connection to one romana-server, kept alive between requests. Safe to share between threads.

    Every method raises ApiError, Unreachable or AnswerError, which are in romana.contract.
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
        self._caller = contract.Caller(url, "token_file (--token-file)", "admin")
        self._caller.check_url()
        self.url = self._caller.url
        trust = self._caller.trust(ca_file) if self.url.startswith("https:") else False
        self._http = httpx.Client(
            base_url=self.url,
            transport=httpx.HTTPTransport(verify=trust, uds=str(socket) if socket else None),
            headers={"Authorization": f"Bearer {contract.check_token(token)}", "Accept": "application/json"},
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
        return self._read(list[models.Host], contract.HOSTS)

    def host(self, name: str) -> models.Host:
        return self._read(models.Host, path(contract.HOST, name))

    def create_host(self, host: models.HostCreate) -> models.Host:
        return self._create(models.Host, contract.HOSTS, host)

    def update_host(self, name: str, update: models.HostUpdate) -> models.Host:
        return self._update(models.Host, path(contract.HOST, name), update)

    def delete_host(self, name: str) -> None:
        self._delete(path(contract.HOST, name))

    def applied(self, host: str) -> models.Applied:
        """What the host's agent last reported to have in place."""
        return self._read(models.Applied, path(contract.APPLIED, host))

    def changes(self, host: str) -> models.Changes:
        """What the host must have: its state, and the members of groups that it has to know."""
        return self._read(models.Changes, path(contract.CHANGES, host))

    # --- tenants and segments ---------------------------------------------------------------------------------------

    def tenants(self) -> list[models.Tenant]:
        return self._read(list[models.Tenant], contract.TENANTS)

    def tenant(self, name: str) -> models.Tenant:
        return self._read(models.Tenant, path(contract.TENANT, name))

    def create_tenant(self, tenant: models.TenantCreate) -> models.Tenant:
        return self._create(models.Tenant, contract.TENANTS, tenant)

    def delete_tenant(self, name: str) -> None:
        """Delete a tenant and its segments."""
        self._delete(path(contract.TENANT, name))

    def segments(self, tenant: str) -> list[models.Segment]:
        return self._read(list[models.Segment], path(contract.SEGMENTS, tenant))

    def segment(self, tenant: str, name: str) -> models.Segment:
        return self._read(models.Segment, path(contract.SEGMENT, tenant, name))

    def create_segment(self, tenant: str, segment: models.SegmentCreate) -> models.Segment:
        return self._create(models.Segment, path(contract.SEGMENTS, tenant), segment)

    def delete_segment(self, tenant: str, name: str) -> None:
        self._delete(path(contract.SEGMENT, tenant, name))

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
        return self._read(list[models.Endpoint], contract.ENDPOINTS, query)

    def endpoint(self, endpoint_id: str) -> models.Endpoint:
        return self._read(models.Endpoint, path(contract.ENDPOINT, endpoint_id))

    def create_endpoint(self, endpoint: models.EndpointCreate, key: str | None = None) -> models.Endpoint:
        """Allocate an address. With the same idempotency `key` a repeated request gives the same endpoint again."""
        return self._create(models.Endpoint, contract.ENDPOINTS, endpoint, {"Idempotency-Key": key} if key else {})

    def update_endpoint(self, endpoint_id: str, update: models.EndpointUpdate) -> models.Endpoint:
        return self._update(models.Endpoint, path(contract.ENDPOINT, endpoint_id), update)

    def delete_endpoint(self, endpoint_id: str) -> None:
        self._delete(path(contract.ENDPOINT, endpoint_id))

    # --- groups -----------------------------------------------------------------------------------------------------

    def groups(self) -> list[models.Group]:
        return self._read(list[models.Group], contract.GROUPS)

    def group(self, identifier: str) -> models.Group:
        return self._read(models.Group, path(contract.GROUP, identifier))

    def put_group(self, identifier: str, group: models.GroupPut) -> models.Group:
        """Make a group, or have it be like this."""
        return self._put(models.Group, path(contract.GROUP, identifier), group)

    def delete_group(self, identifier: str) -> None:
        self._delete(path(contract.GROUP, identifier))

    # --- policies ---------------------------------------------------------------------------------------------------

    def policies(self) -> list[models.Policy]:
        return self._read(list[models.Policy], contract.POLICIES)

    def policy(self, name: str) -> models.Policy:
        return self._read(models.Policy, path(contract.POLICY, name))

    def create_policy(self, policy: models.PolicyCreate) -> models.Policy:
        return self._create(models.Policy, contract.POLICIES, policy)

    def delete_policy(self, name: str) -> None:
        self._delete(path(contract.POLICY, name))

    # --- routers and floating IPs -----------------------------------------------------------------------------------

    def routers(self) -> list[models.Router]:
        return self._read(list[models.Router], contract.ROUTERS)

    def router(self, identifier: str) -> models.Router:
        return self._read(models.Router, path(contract.ROUTER, identifier))

    def put_router(self, identifier: str, router: models.RouterPut) -> models.Router:
        """Make a router, or have it be like this."""
        return self._put(models.Router, path(contract.ROUTER, identifier), router)

    def delete_router(self, identifier: str) -> None:
        self._delete(path(contract.ROUTER, identifier))

    def floating_ips(self) -> list[models.FloatingIp]:
        return self._read(list[models.FloatingIp], contract.FLOATING_IPS)

    def floating_ip(self, address: IPv4Address | str) -> models.FloatingIp:
        return self._read(models.FloatingIp, path(contract.FLOATING_IP, str(address)))

    def put_floating_ip(self, address: IPv4Address | str, floating_ip: models.FloatingIpPut) -> models.FloatingIp:
        """Give a floating IP to an endpoint, whoever had it before."""
        return self._put(models.FloatingIp, path(contract.FLOATING_IP, str(address)), floating_ip)

    def delete_floating_ip(self, address: IPv4Address | str) -> None:
        self._delete(path(contract.FLOATING_IP, str(address)))

    # --- addresses --------------------------------------------------------------------------------------------------

    def plan(self) -> models.Plan:
        return self._read(models.Plan, contract.PLAN)

    def ipam(self) -> list[models.IpamUsage]:
        return self._read(list[models.IpamUsage], contract.IPAM)

    def ipam_check(self) -> models.IpamCheck:
        return self._read(models.IpamCheck, contract.IPAM_CHECK)

    def explain(self, address: IPv4Address | str) -> models.Explain:
        return self._read(models.Explain, path(contract.EXPLAIN, str(address)))

    # --- one request ------------------------------------------------------------------------------------------------

    def _read(self, kind: type[T], path: str, query: Mapping[str, str] | None = None) -> T:
        return self._parse(kind, self._send("GET", path, query=query))

    def _create(self, kind: type[T], path: str, body: models.Model, headers: Mapping[str, str] | None = None) -> T:
        return self._parse(kind, self._send("POST", path, body.model_dump_json(), headers))

    def _put(self, kind: type[T], path: str, body: models.Model) -> T:
        return self._parse(kind, self._send("PUT", path, body.model_dump_json()))

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
            raise self._caller.no_answer(error, not isinstance(error, httpx.ConnectTimeout)) from error
        except httpx.DecodingError as error:
            raise self._caller.unknown(str(error)) from error
        self._caller.check(response.status_code, response.content)
        return response

    def _parse(self, kind: type[T], response: httpx.Response) -> T:
        try:
            return TypeAdapter(kind).validate_json(response.content)
        except ValidationError as error:
            raise self._caller.unknown(models.first_finding(error)) from error


def _expected(server_name: str) -> dict[str, str]:
    return {"sni_hostname": server_name} if server_name else {}
