"""The routes of /v1: each takes a request apart, asks the store and answers with its model."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from http import HTTPStatus
from ipaddress import IPv4Address
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Header, Path, Query, Response
from pydantic import BaseModel, TypeAdapter
from starlette.concurrency import run_in_threadpool

from romana import models
from romana.models import ErrorCode
from romana.server.body import JsonRoute
from romana.server.errors import answers
from romana.server.metrics import Metrics
from romana.server.watch import LOOK_SECONDS
from romana.server.watchers import Watchers
from romana.store import (
    allocation,
    applied,
    endpoints,
    explain,
    floating_ips,
    groups,
    hosts,
    ipam,
    policies,
    routers,
    segments,
    state,
    statuses,
    tenants,
)
from romana.store.errors import AddressRestsError, AllAddressesRestError
from romana.store.store import Store

JSON = "application/json"
LONGEST_WAIT = 60  # seconds
LONGEST_REST = 3.0  # seconds that a request waits for hosts; Neutron's drivers wait 5 for an answer

T = TypeVar("T")

PathName = Annotated[models.Name, Path()]
After = Annotated[int | None, Query(ge=0, le=models.BIGGEST)]
Wait = Annotated[float, Query(ge=0, le=LONGEST_WAIT, allow_inf_nan=False, description="seconds")]
GroupPath = Annotated[models.GroupId, Path()]
RouterPath = Annotated[models.RouterId, Path()]
EndpointId = Annotated[str, Path(max_length=36)]
IfMatch = Annotated[str | None, Header(alias="If-Match", pattern=r'^("[0-9]{1,18}"|[0-9]{1,18})$')]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[!-~]([ -~]*[!-~])?$",
        description="the same key with the same request gives the same endpoint, until it is deleted",
    ),
]
# Why these operations refuse, beside what is so for all: no token, a role that may not, a request that does not fit.
CHANGE = (ErrorCode.NOT_FOUND, ErrorCode.GENERATION_CONFLICT)
ALLOCATION = (
    ErrorCode.HOST_RESTRICTED,
    ErrorCode.ADDRESS_IN_USE,
    ErrorCode.ADDRESS_MISMATCH,
    ErrorCode.IDEMPOTENCY_MISMATCH,
    ErrorCode.ENDPOINTS_EXHAUSTED,
)
NOTHING_NEWER: dict[int | str, dict[str, Any]] = {HTTPStatus.NO_CONTENT: {"description": "nothing newer"}}


def routes(store: Store, watchers: Watchers, metrics: Metrics) -> list[APIRouter]:
    """All routers. They run in threads, but for those that wait."""
    return [
        _hosts(store),
        _followed(store, watchers),
        _tenants(store),
        _segments(store),
        _endpoints(store, metrics),
        _statuses(store, watchers),
        _groups(store),
        _policies(store),
        _routers(store),
        _floating_ips(store),
        _addresses(store),
    ]


def _router(prefix: str, tag: str) -> APIRouter:
    return APIRouter(prefix=prefix, tags=[tag], route_class=JsonRoute)


def _there(model: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    return {HTTPStatus.OK: {"model": model, "description": "just that was there already"}}


def _hosts(store: Store) -> APIRouter:
    router = _router("/v1/hosts", "hosts")

    @router.get("", response_model=list[models.Host])
    def list_hosts() -> Response:
        return _many(models.Host, hosts.list_hosts(store))

    @router.post(
        "",
        response_model=models.Host,
        status_code=HTTPStatus.CREATED,
        responses=_there(models.Host) | answers(ErrorCode.NOT_FOUND, ErrorCode.CONFLICT, ErrorCode.HOSTS_EXHAUSTED),
    )
    def create_host(body: models.HostCreate) -> Response:
        return _made(*hosts.create_host(store, body))

    @router.get("/{name}", response_model=models.Host, responses=answers(ErrorCode.NOT_FOUND))
    def get_host(name: PathName) -> Response:
        return _one(hosts.get_host(store, name))

    @router.patch(
        "/{name}", response_model=models.Host, responses=answers(*CHANGE, ErrorCode.CONFLICT, ErrorCode.IN_USE)
    )
    def update_host(name: PathName, body: models.HostUpdate, if_match: IfMatch = None) -> Response:
        return _one(hosts.update_host(store, name, body, _generation(if_match)))

    @router.delete("/{name}", status_code=HTTPStatus.NO_CONTENT, responses=answers(*CHANGE, ErrorCode.IN_USE))
    def delete_host(name: PathName, if_match: IfMatch = None) -> Response:
        hosts.delete_host(store, name, _generation(if_match))
        return _nothing()

    return router


def _followed(store: Store, watchers: Watchers) -> APIRouter:
    router = _router("/v1/hosts", "hosts")

    @router.get(
        "/{name}/state", response_model=models.HostState, responses=NOTHING_NEWER | answers(ErrorCode.NOT_FOUND)
    )
    async def get_state(
        name: PathName,
        after: After = None,
        wait: Wait = 0,
    ) -> Response:
        if after is not None and not await watchers.host_is_not_at(name, after, wait):
            return _nothing()
        return _one(await run_in_threadpool(state.host_state, store, name))

    @router.get(
        "/{name}/changes", response_model=models.Changes, responses=NOTHING_NEWER | answers(ErrorCode.NOT_FOUND)
    )
    async def get_changes(
        name: PathName, state_after: After = None, members_after: After = None, wait: Wait = 0
    ) -> Response:
        known = state_after is not None and members_after is not None
        if known and not await watchers.host_has_changes(name, state_after or 0, members_after or 0, wait):
            return _nothing()
        return _one(await run_in_threadpool(state.host_changes, store, name, state_after, members_after))

    @router.put("/{name}/applied", status_code=HTTPStatus.NO_CONTENT, responses=answers(ErrorCode.NOT_FOUND))
    def put_applied(name: PathName, body: models.Applied) -> Response:
        applied.put_applied(store, name, body)
        return _nothing()

    @router.get("/{name}/applied", response_model=models.Applied, responses=answers(ErrorCode.NOT_FOUND))
    def get_applied(name: PathName) -> Response:
        return _one(applied.get_applied(store, name))

    return router


def _tenants(store: Store) -> APIRouter:
    router = _router("/v1/tenants", "tenants")

    @router.get("", response_model=list[models.Tenant])
    def list_tenants(project_id: Annotated[models.ProjectId | None, Query()] = None) -> Response:
        return _many(models.Tenant, tenants.list_tenants(store, project_id))

    @router.post(
        "",
        response_model=models.Tenant,
        status_code=HTTPStatus.CREATED,
        responses=_there(models.Tenant) | answers(ErrorCode.CONFLICT, ErrorCode.TENANTS_EXHAUSTED),
    )
    def create_tenant(body: models.TenantCreate) -> Response:
        return _made(*tenants.create_tenant(store, body))

    @router.get("/{tenant}", response_model=models.Tenant, responses=answers(ErrorCode.NOT_FOUND))
    def get_tenant(tenant: PathName) -> Response:
        return _one(tenants.get_tenant(store, tenant))

    @router.patch("/{tenant}", response_model=models.Tenant, responses=answers(*CHANGE, ErrorCode.CONFLICT))
    def update_tenant(tenant: PathName, body: models.TenantUpdate, if_match: IfMatch = None) -> Response:
        return _one(tenants.update_tenant(store, tenant, body, _generation(if_match)))

    @router.delete("/{tenant}", status_code=HTTPStatus.NO_CONTENT, responses=answers(*CHANGE, ErrorCode.IN_USE))
    def delete_tenant(tenant: PathName, if_match: IfMatch = None) -> Response:
        tenants.delete_tenant(store, tenant, _generation(if_match))
        return _nothing()

    @router.get("/{tenant}/segments", response_model=list[models.Segment], responses=answers(ErrorCode.NOT_FOUND))
    def list_segments(tenant: PathName) -> Response:
        return _many(models.Segment, segments.list_segments(store, tenant))

    @router.post(
        "/{tenant}/segments",
        response_model=models.Segment,
        status_code=HTTPStatus.CREATED,
        responses=_there(models.Segment)
        | answers(ErrorCode.NOT_FOUND, ErrorCode.CONFLICT, ErrorCode.SEGMENTS_EXHAUSTED),
    )
    def create_segment(tenant: PathName, body: models.SegmentCreate) -> Response:
        return _made(*segments.create_segment(store, tenant, body))

    @router.get("/{tenant}/segments/{segment}", response_model=models.Segment, responses=answers(ErrorCode.NOT_FOUND))
    def get_segment(tenant: PathName, segment: PathName) -> Response:
        return _one(segments.get_segment(store, tenant, segment))

    @router.delete(
        "/{tenant}/segments/{segment}", status_code=HTTPStatus.NO_CONTENT, responses=answers(*CHANGE, ErrorCode.IN_USE)
    )
    def delete_segment(tenant: PathName, segment: PathName, if_match: IfMatch = None) -> Response:
        segments.delete_segment(store, tenant, segment, _generation(if_match))
        return _nothing()

    return router


def _segments(store: Store) -> APIRouter:
    router = _router("/v1/segments", "tenants")

    @router.get("", response_model=list[models.Segment])
    def list_all_segments(network_id: Annotated[models.NetworkId | None, Query()] = None) -> Response:
        return _many(models.Segment, segments.list_all_segments(store, network_id))

    return router


def _endpoints(store: Store, metrics: Metrics) -> APIRouter:
    router = _router("/v1/endpoints", "endpoints")

    @router.get("", response_model=list[models.Endpoint])
    def list_endpoints(
        host: Annotated[models.Name | None, Query()] = None,
        tenant: Annotated[models.Name | None, Query()] = None,
        segment: Annotated[models.Name | None, Query()] = None,
        address: Annotated[IPv4Address | None, Query()] = None,
        interface: Annotated[models.InterfaceName | None, Query()] = None,
    ) -> Response:
        given = {
            "host": host,
            "tenant": tenant,
            "segment": segment,
            "address": None if address is None else int(address),
            "interface": interface,
        }
        filters = {name: value for name, value in given.items() if value is not None}
        return _many(models.Endpoint, endpoints.list_endpoints(store, filters))

    @router.post(
        "",
        response_model=models.Endpoint,
        status_code=HTTPStatus.CREATED,
        responses=_there(models.Endpoint) | answers(ErrorCode.NOT_FOUND, *ALLOCATION),
    )
    async def create_endpoint(body: models.EndpointCreate, idempotency_key: Key = None) -> Response:
        endpoint, new = await _once_rested(lambda: allocation.create_endpoint(store, body, idempotency_key))
        if new:
            metrics.allocations.inc()
        return _made(endpoint, new)

    @router.get("/{identifier}", response_model=models.Endpoint, responses=answers(ErrorCode.NOT_FOUND))
    def get_endpoint(identifier: EndpointId) -> Response:
        return _one(endpoints.get_endpoint(store, identifier))

    @router.patch("/{identifier}", response_model=models.Endpoint, responses=answers(*CHANGE))
    def update_endpoint(identifier: EndpointId, body: models.EndpointUpdate, if_match: IfMatch = None) -> Response:
        return _one(endpoints.update_endpoint(store, identifier, body, _generation(if_match)))

    @router.delete("/{identifier}", status_code=HTTPStatus.NO_CONTENT, responses=answers(*CHANGE))
    def delete_endpoint(identifier: EndpointId, if_match: IfMatch = None) -> Response:
        endpoints.delete_endpoint(store, identifier, _generation(if_match))
        metrics.releases.inc()
        return _nothing()

    return router


def _statuses(store: Store, watchers: Watchers) -> APIRouter:
    router = _router("/v1/statuses", "endpoints")

    @router.get("", response_model=models.Statuses, responses=NOTHING_NEWER)
    async def get_statuses(after: After = None, wait: Wait = 0) -> Response:
        if after is not None and not await watchers.status_is_after(after, wait):
            return _nothing()
        return _one(await run_in_threadpool(statuses.statuses, store, after))

    return router


def _groups(store: Store) -> APIRouter:
    router = _router("/v1/groups", "groups")

    @router.get("", response_model=list[models.Group])
    def list_groups() -> Response:
        return _many(models.Group, groups.list_groups(store))

    @router.get("/{identifier}", response_model=models.Group, responses=answers(ErrorCode.NOT_FOUND))
    def get_group(identifier: GroupPath) -> Response:
        return _one(groups.get_group(store, identifier))

    @router.put(
        "/{identifier}",
        response_model=models.Group,
        responses={HTTPStatus.CREATED: {"model": models.Group, "description": "there was none"}}
        | answers(ErrorCode.GENERATION_CONFLICT),
    )
    def put_group(identifier: GroupPath, body: models.GroupPut, if_match: IfMatch = None) -> Response:
        return _made(*groups.put_group(store, identifier, body, _generation(if_match)))

    @router.delete("/{identifier}", status_code=HTTPStatus.NO_CONTENT, responses=answers(*CHANGE, ErrorCode.IN_USE))
    def delete_group(identifier: GroupPath, if_match: IfMatch = None) -> Response:
        groups.delete_group(store, identifier, _generation(if_match))
        return _nothing()

    return router


def _policies(store: Store) -> APIRouter:
    router = _router("/v1/policies", "policies")

    @router.get("", response_model=list[models.Policy])
    def list_policies() -> Response:
        return _many(models.Policy, policies.list_policies(store))

    @router.post(
        "",
        response_model=models.Policy,
        status_code=HTTPStatus.CREATED,
        responses=_there(models.Policy) | answers(ErrorCode.NOT_FOUND, ErrorCode.CONFLICT),
    )
    def create_policy(body: models.PolicyCreate) -> Response:
        return _made(*policies.create_policy(store, body))

    @router.get("/{name}", response_model=models.Policy, responses=answers(ErrorCode.NOT_FOUND))
    def get_policy(name: PathName) -> Response:
        return _one(policies.get_policy(store, name))

    @router.delete("/{name}", status_code=HTTPStatus.NO_CONTENT, responses=answers(*CHANGE))
    def delete_policy(name: PathName, if_match: IfMatch = None) -> Response:
        policies.delete_policy(store, name, _generation(if_match))
        return _nothing()

    return router


def _routers(store: Store) -> APIRouter:
    router = _router("/v1/routers", "routers")

    @router.get("", response_model=list[models.Router])
    def list_routers() -> Response:
        return _many(models.Router, routers.list_routers(store))

    @router.get("/{identifier}", response_model=models.Router, responses=answers(ErrorCode.NOT_FOUND))
    def get_router(identifier: RouterPath) -> Response:
        return _one(routers.get_router(store, identifier))

    @router.put(
        "/{identifier}",
        response_model=models.Router,
        responses={HTTPStatus.CREATED: {"model": models.Router, "description": "there was none"}} | answers(*CHANGE),
    )
    def put_router(identifier: RouterPath, body: models.RouterPut, if_match: IfMatch = None) -> Response:
        return _made(*routers.put_router(store, identifier, body, _generation(if_match)))

    @router.delete("/{identifier}", status_code=HTTPStatus.NO_CONTENT, responses=answers(*CHANGE))
    def delete_router(identifier: RouterPath, if_match: IfMatch = None) -> Response:
        routers.delete_router(store, identifier, _generation(if_match))
        return _nothing()

    return router


def _floating_ips(store: Store) -> APIRouter:
    router = _router("/v1/floating-ips", "floating IPs")

    @router.get("", response_model=list[models.FloatingIp])
    def list_floating_ips() -> Response:
        return _many(models.FloatingIp, floating_ips.list_floating_ips(store))

    @router.get("/{address}", response_model=models.FloatingIp, responses=answers(ErrorCode.NOT_FOUND))
    def get_floating_ip(address: IPv4Address) -> Response:
        return _one(floating_ips.get_floating_ip(store, address))

    @router.put(
        "/{address}",
        response_model=models.FloatingIp,
        responses={HTTPStatus.CREATED: {"model": models.FloatingIp, "description": "there was none"}}
        | answers(*CHANGE, ErrorCode.CONFLICT),
    )
    def put_floating_ip(address: IPv4Address, body: models.FloatingIpPut, if_match: IfMatch = None) -> Response:
        return _made(*floating_ips.put_floating_ip(store, address, body, _generation(if_match)))

    @router.delete("/{address}", status_code=HTTPStatus.NO_CONTENT, responses=answers(*CHANGE))
    def delete_floating_ip(address: IPv4Address, if_match: IfMatch = None) -> Response:
        floating_ips.delete_floating_ip(store, address, _generation(if_match))
        return _nothing()

    return router


def _addresses(store: Store) -> APIRouter:
    router = _router("/v1", "addresses")

    @router.get("/plan", response_model=models.Plan)
    def get_plan() -> Response:
        return _one(state.wire_plan(store.plan))

    @router.get("/ipam", response_model=list[models.IpamUsage])
    def get_usage() -> Response:
        return _many(models.IpamUsage, ipam.usage(store))

    @router.get("/ipam/check", response_model=models.IpamCheck)
    def check() -> Response:
        return _one(ipam.check(store))

    @router.get("/explain/{address}", response_model=models.Explain)
    def explain_address(address: IPv4Address) -> Response:
        return _one(explain.explain(store, address))

    return router


async def _once_rested(work: Callable[[], T]) -> T:
    """The result of `work`, again and again while an address rests: mostly hosts confirm within a moment."""
    end = time.monotonic() + LONGEST_REST
    while True:
        try:
            return await run_in_threadpool(work)
        except (AddressRestsError, AllAddressesRestError):
            if time.monotonic() >= end:
                raise
        await asyncio.sleep(LOOK_SECONDS)


# The models are valid as they are: they go to JSON directly, without FastAPI's second validation.


def _one(model: BaseModel) -> Response:
    return Response(model.model_dump_json(), media_type=JSON)


def _many(kind: type[BaseModel], models_: list[Any]) -> Response:
    return Response(TypeAdapter(list[kind]).dump_json(models_), media_type=JSON)  # type: ignore[valid-type]


def _made(model: BaseModel, new: bool) -> Response:
    return Response(model.model_dump_json(), HTTPStatus.CREATED if new else HTTPStatus.OK, media_type=JSON)


def _nothing() -> Response:
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _generation(if_match: str | None) -> int | None:
    return None if if_match is None else int(if_match.strip('"'))
