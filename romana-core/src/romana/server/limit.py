"""Bounds what one request can make the server keep in memory, and how long it keeps it from others."""

from __future__ import annotations

from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LONGEST_BODY = 1024 * 1024  # bytes
# An agent's: 4,000 endpoints and 57,600 pairs of segments take 5 MB.
LONGEST_REPORT = 16 * 1024 * 1024
# A small one costs as much as a long one. All lists of a report at their ends have 920,000.
MOST_VALUES = 1024 * 1024
BEFORE_VALUES = (b",", b"[", b"{")  # one of these is before each but the first of JSON, and seldom elsewhere


class BodyLimit:
    """ASGI middleware: whoever reads more of a body than allowed gets HTTPException 413."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on, counting."""
        longest = LONGEST_REPORT if scope.get("path", "").endswith("/applied") else LONGEST_BODY
        taken = values = 0

        async def counted() -> Message:
            nonlocal taken, values
            message = await receive()
            body: bytes = message.get("body", b"")
            taken += len(body)
            values += sum(map(body.count, BEFORE_VALUES))
            if taken > longest:
                raise _too_large(f"is longer than {longest} bytes")
            if values > MOST_VALUES:
                raise _too_large(f"has more than {MOST_VALUES} values")
            return message

        await self._app(scope, counted, send)


def _too_large(what: str) -> HTTPException:
    return HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body {what}; send less")
