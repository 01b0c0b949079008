"""/docs: Swagger UI from files of our own, so a browser that shows it asks nobody but this server.

The pages are the same everywhere and hold no secret. They are served without a token, so that it can be typed there.
"""

from __future__ import annotations

from pathlib import Path

import fastapi_offline
from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse, Response

FILES = Path(fastapi_offline.__file__).parent / "static"
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Romana</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
START = """SwaggerUIBundle({url: "openapi.json", dom_id: "#swagger-ui", validatorUrl: null})
"""
# Nothing of others is loaded or told anything, and no other page has this one in a frame. Swagger UI's icons are data.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
)
PATHS = frozenset({"/docs", "/docs/start.js", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css"})


def router() -> APIRouter:
    """The page and what it loads."""
    pages = APIRouter(prefix="/docs", include_in_schema=False)

    @pages.get("")
    def page() -> Response:
        return HTMLResponse(PAGE, headers={"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"})

    @pages.get("/start.js")
    def start() -> Response:
        return Response(START, media_type="text/javascript")

    @pages.get("/swagger-ui-bundle.js")
    def script() -> Response:
        return FileResponse(FILES / "swagger-ui-bundle.js", media_type="text/javascript")

    @pages.get("/swagger-ui.css")
    def style() -> Response:
        return FileResponse(FILES / "swagger-ui.css", media_type="text/css")

    return pages
