"""Who may do what: every request needs a token, but for what is the same everywhere, and the token's role decides.

This stands before routing, so a route that somebody adds is closed until a role opens it.
"""

from __future__ import annotations

import hmac
import time
from dataclasses import dataclass
from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from romana.models import ErrorCode
from romana.server import swagger
from romana.server.errors import refusal
from romana.store.errors import UnavailableError
from romana.store.store import Store
from romana.store.tokens import Token, as_time, digest, find_token

REMEMBERED_SECONDS = 1.0  # how long a revoked token may still work
OPEN = frozenset({"/healthz", "/openapi.json"}) | swagger.PATHS  # without a token
FOR_ANY_TOKEN = frozenset({"/metrics"})
NEUTRON_WRITES = ("/v1/endpoints", "/v1/floating-ips", "/v1/groups", "/v1/routers", "/v1/tenants")
AGENT = "agent:"


def allowed(role: str, method: str, path: str) -> bool:
    """Whether a role may send such a request. Unknown roles may nothing."""
    reading = method in ("GET", "HEAD")
    if reading and path in FOR_ANY_TOKEN:
        return True
    match role:
        case "admin":
            return True
        case "reader":
            return reading
        case "neutron":
            return reading or any(path == start or path.startswith(f"{start}/") for start in NEUTRON_WRITES)
    if not role.startswith(AGENT):
        return False
    own = f"/v1/hosts/{role.removeprefix(AGENT)}"
    return (method, path) in (("GET", f"{own}/changes"), ("GET", f"{own}/state"), ("PUT", f"{own}/applied"))


@dataclass(frozen=True)
class _Remembered:
    token: Token
    until: float


class Access:
    """ASGI middleware that lets pass what `allowed` says."""

    def __init__(self, app: ASGIApp, store: Store) -> None:
        self._app = app
        self._store = store
        self._remembered: dict[str, _Remembered] = {}  # by hash; only of tokens that exist, so it stays small

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 401, 403 or 503, or hand on."""
        if scope["type"] != "http" or scope["path"] in OPEN:
            await self._app(scope, receive, send)
            return
        method, path = scope["method"], scope["path"]
        kind, _, given = Headers(scope=scope).get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not given.strip():
            answer = _unauthenticated("a token is needed: send the header Authorization: Bearer <token>")
        else:
            try:
                token = await self._find(given.strip())
            except UnavailableError as error:
                answer = refusal(error.code, error.message)
            else:
                if token is None:
                    answer = _unauthenticated("the token is not known; romana-manage token list shows which are")
                elif token.expired():
                    answer = _unauthenticated(
                        f"the token {token.name} expired at {as_time(token.expires_at)}; make a new one"
                    )
                elif not allowed(token.role, method, path):
                    answer = refusal(
                        ErrorCode.FORBIDDEN,
                        f"the token {token.name} has the role {token.role}, which may not {method} here",
                        {"role": token.role},
                    )
                else:
                    await self._app(scope, receive, send)
                    return
        await answer(scope, receive, send)

    async def _find(self, given: str) -> Token | None:
        hashed = digest(given)
        remembered = self._remembered.get(hashed)
        now = time.monotonic()
        if remembered is None or remembered.until < now:
            token = await run_in_threadpool(find_token, self._store.database, given)
            if token is None:
                self._remembered.pop(hashed, None)
                return None
            remembered = self._remembered[hashed] = _Remembered(token, now + REMEMBERED_SECONDS)
        return remembered.token if hmac.compare_digest(remembered.token.hash, hashed) else None


def _unauthenticated(message: str) -> Response:
    return refusal(
        ErrorCode.UNAUTHENTICATED, message, status=HTTPStatus.UNAUTHORIZED, headers={"WWW-Authenticate": "Bearer"}
    )
