"""The application: routes, and around them, outermost first, timing, access, the limit of bodies, error handling."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Response
from fastapi.responses import PlainTextResponse

from romana.server import swagger
from romana.server.access import Access
from romana.server.certificate import Certificate
from romana.server.errors import add_handlers
from romana.server.limit import BodyLimit
from romana.server.metrics import Metrics, Timing
from romana.server.openapi import DescribedApp
from romana.server.routes import routes
from romana.server.watchers import Watchers
from romana.store.store import Store, current_generation

VERSION = "1.0.0"
DESCRIPTION = "Hosts, tenants, segments, endpoints, groups and policies of a Romana network."


def create_app(store: Store, certificate: Certificate | None) -> FastAPI:
    """The app over an opened store, served with `certificate`; None: without TLS.

    `app.state.watchers.stop()` ends all long polls.
    """
    watchers = Watchers(store)
    metrics = Metrics(certificate)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        watchers.start()
        yield
        watchers.stop()

    app = DescribedApp(
        title="Romana", version=VERSION, description=DESCRIPTION, lifespan=lifespan, docs_url=None, redoc_url=None
    )
    app.state.watchers = watchers
    add_handlers(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(Access, store=store)
    app.add_middleware(Timing, metrics=metrics)
    for router in (swagger.router(), *routes(store, watchers, metrics)):
        app.include_router(router)

    @app.get("/healthz", tags=["server"])
    def healthz() -> dict[str, str]:
        """Whether the server can work: it can when the database answers."""
        store.database.read(current_generation)
        return {"status": "ok"}

    @app.get("/metrics", tags=["server"], response_class=PlainTextResponse)
    def get_metrics() -> Response:
        return Response(metrics.render(store), media_type="text/plain; version=0.0.4")

    return app
