"""Bounds what one request can make the server keep in memory."""

from __future__ import annotations

from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LONGEST_BODY = 1024 * 1024  # bytes
# An agent's: 4,000 endpoints and 57,600 pairs of segments take 5 MB.
LONGEST_REPORT = 16 * 1024 * 1024


class BodyLimit:
    """ASGI middleware: whoever reads more of a body than allowed gets HTTPException 413."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on, counting."""
        longest = LONGEST_REPORT if scope.get("path", "").endswith("/applied") else LONGEST_BODY
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > longest:
                raise HTTPException(
                    HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is longer than {longest} bytes; send less"
                )
            return message

        await self._app(scope, counted, send)
