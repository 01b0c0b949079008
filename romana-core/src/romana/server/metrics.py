"""What Prometheus gets: counters of the server, and the network as the store has it at that moment."""

from __future__ import annotations

import os
import time
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from romana.server.certificate import Certificate
from romana.store.errors import UnavailableError
from romana.store.store import Store
from romana.store.totals import totals

# Where several server processes share their counters; prometheus_client reads it when it is imported.
SHARED_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60)  # seconds; a long poll takes up to 60
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
UNKNOWN = "unknown"
CERTIFICATE = "Seconds until the certificate expires that the server shows; negative once it has"


class Metrics:
    """The counters of this process, and what it knows of itself."""

    def __init__(self, certificate: Certificate | None) -> None:
        self._certificate = certificate
        self._registry = CollectorRegistry()
        self.requests = Histogram(
            "romana_request_seconds",
            "Requests by route and status, and how long they took",
            ("method", "route", "status"),
            buckets=BUCKETS,
            registry=self._registry,
        )
        self.allocations = Counter("romana_allocations", "Addresses given to new endpoints", registry=self._registry)
        self.releases = Counter("romana_releases", "Addresses given back", registry=self._registry)

    def render(self, store: Store) -> bytes:
        """Everything in Prometheus' text format; without the network when the database is away."""
        registry = self._registry
        if SHARED_DIRECTORY in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry) + generate_latest(_network(store)) + generate_latest(self._own())

    def _own(self) -> CollectorRegistry:
        registry = CollectorRegistry()
        if self._certificate is not None:
            left = Gauge("romana_certificate_expiry_seconds", CERTIFICATE, registry=registry)
            left.set(self._certificate.expires_at - time.time())
        return registry


def _network(store: Store) -> CollectorRegistry:
    registry = CollectorRegistry()

    def gauge(name: str, text: str, labels: tuple[str, ...] = ()) -> Any:
        return Gauge(name, text, labels, registry=registry)

    up = gauge("romana_database_up", "Whether the database answers")
    try:
        now = totals(store)
    except UnavailableError:
        up.set(0)
        return registry
    up.set(1)
    gauge("romana_generation", "The global generation").set(now.generation)
    gauge("romana_hosts", "Hosts").set(now.hosts)
    gauge("romana_hosts_behind", "Hosts whose agent has not applied the desired state").set(now.hosts_behind)
    gauge("romana_agent_errors", "Errors in the agents' last reports").set(now.agent_errors)
    gauge("romana_tenants", "Tenants").set(now.tenants)
    gauge("romana_segments", "Segments of all tenants").set(now.segments)
    gauge("romana_policies", "Policies").set(now.policies)
    gauge("romana_routers", "Routers").set(now.routers)
    gauge("romana_floating_ips", "Floating IPs, of endpoints or forwarded port by port").set(now.floating_ips)
    gauge("romana_forwardings", "Ports of floating IPs that are forwarded").set(now.forwardings)
    gauge("romana_groups", "Security groups").set(now.groups)
    gauge("romana_group_members", "Endpoints in security groups; one in two groups is two").set(now.group_members)
    gauge("romana_agent_groups", "Groups that endpoints of a host are in, summed over the hosts").set(now.agent_groups)
    gauge("romana_agent_group_members", "Members that agents know, by their addresses, summed over the hosts").set(
        now.agent_group_members
    )
    by_status = gauge("romana_endpoints", "Endpoints by status", ("status",))
    for status, count in now.endpoints.items():
        by_status.labels(status).set(count)
    return registry


class Timing:
    """ASGI middleware that counts and times requests."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on and count."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = "none"  # the client was gone before an answer began

        async def counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, counted)
        finally:
            # Only what we know becomes a label: anyone can invent paths and methods without end.
            route = getattr(scope.get("route"), "path", UNKNOWN)
            method = scope["method"] if scope["method"] in METHODS else UNKNOWN
            self._metrics.requests.labels(method, route, status).observe(time.perf_counter() - began)
