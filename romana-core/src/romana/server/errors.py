"""How refusals look on the wire, and in the description of the API: one table of kinds, one shape of body."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple, get_args

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from romana import models
from romana.models import Error, ErrorBody, ErrorCode
from romana.store.errors import StoreError

log = logging.getLogger(__name__)


class Kind(NamedTuple):
    """Of a refusal: its status, and what it means, for people."""

    status: HTTPStatus
    meaning: str


KINDS: Mapping[ErrorCode, Kind] = {
    ErrorCode.INVALID_REQUEST: Kind(
        HTTPStatus.UNPROCESSABLE_ENTITY, "it does not fit; `details.findings` lists everything that is wrong"
    ),
    ErrorCode.UNAUTHENTICATED: Kind(HTTPStatus.UNAUTHORIZED, "no token, an unknown or an expired one"),
    ErrorCode.FORBIDDEN: Kind(HTTPStatus.FORBIDDEN, "the token's role may not do this"),
    ErrorCode.NOT_FOUND: Kind(HTTPStatus.NOT_FOUND, "there is no such thing"),
    ErrorCode.CONFLICT: Kind(HTTPStatus.CONFLICT, "it exists with other values, or another has that value"),
    ErrorCode.GENERATION_CONFLICT: Kind(HTTPStatus.CONFLICT, "it has changed since the generation in `If-Match`"),
    ErrorCode.IN_USE: Kind(HTTPStatus.CONFLICT, "it is still needed; the message says by what"),
    ErrorCode.ADDRESS_IN_USE: Kind(
        HTTPStatus.CONFLICT,
        "the asked-for address belongs to another endpoint, or hosts may have it in groups of the one before",
    ),
    ErrorCode.ADDRESS_MISMATCH: Kind(
        HTTPStatus.CONFLICT, "the asked-for address is none of that host, tenant and segment"
    ),
    ErrorCode.IDEMPOTENCY_MISMATCH: Kind(HTTPStatus.CONFLICT, "the key was used for another request"),
    ErrorCode.HOST_RESTRICTED: Kind(HTTPStatus.CONFLICT, "the host belongs to another tenant"),
    ErrorCode.HOSTS_EXHAUSTED: Kind(HTTPStatus.INSUFFICIENT_STORAGE, "every host index is taken"),
    ErrorCode.TENANTS_EXHAUSTED: Kind(HTTPStatus.INSUFFICIENT_STORAGE, "every tenant number is taken"),
    ErrorCode.SEGMENTS_EXHAUSTED: Kind(HTTPStatus.INSUFFICIENT_STORAGE, "every segment number of the tenant is taken"),
    ErrorCode.ENDPOINTS_EXHAUSTED: Kind(
        HTTPStatus.INSUFFICIENT_STORAGE,
        "every address of that host, tenant and segment is taken, or hosts may have it in groups of the one before",
    ),
    ErrorCode.UNAVAILABLE: Kind(HTTPStatus.SERVICE_UNAVAILABLE, "the database does not answer; try again"),
    ErrorCode.INTERNAL: Kind(HTTPStatus.INTERNAL_SERVER_ERROR, "a bug; see `journalctl -u romana-server` there"),
}
# What the patterns of the wire models mean, in words.
WORDS: Mapping[str, str] = {
    constraints.pattern: f"must be {field.description}"
    for _, constraints, field in map(get_args, (models.Name, models.Mac, models.InterfaceName, models.PortRange))
}
ERROR_BODY = "#/components/schemas/ErrorBody"  # where the description has it
LISTED = 50  # findings in one answer
SHOWN = 100  # characters of a caller's text that an error repeats


def refusal(
    code: ErrorCode,
    message: str,
    details: Mapping[str, object] | None = None,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer that says no; the status is the code's, where the protocol has no better one."""
    line = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in message)
    body = ErrorBody(error=Error(code=code, message=line, details=dict(details or {})))
    return Response(
        body.model_dump_json(), status or KINDS[code].status, headers=dict(headers or {}), media_type="application/json"
    )


def answers(*codes: ErrorCode) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of an operation that refuses for these reasons: an answer for each status."""
    said: dict[HTTPStatus, list[str]] = {}
    for code in codes:
        said.setdefault(KINDS[code].status, []).append(f"`{code}`: {KINDS[code].meaning}")
    return {int(status): answer("; ".join(reasons)) for status, reasons in said.items()}


def answer(description: str) -> dict[str, Any]:
    """A refusal, as OpenAPI describes it."""
    return {"description": description, "content": {"application/json": {"schema": {"$ref": ERROR_BODY}}}}


def add_handlers(app: FastAPI) -> None:
    """Let the app answer every exception in our shape."""
    app.add_exception_handler(StoreError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _no_route)
    app.add_exception_handler(Exception, _bug)


def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, StoreError)
    if error.code is ErrorCode.UNAVAILABLE:
        log.error("%s; check the database, requests are refused until it is back", error.message)
    return refusal(error.code, error.message, error.details)


def _invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    findings = [_finding(item) for item in found[:LISTED]]
    if len(found) > LISTED:
        findings.append(f"and {len(found) - LISTED} more")
    return refusal(ErrorCode.INVALID_REQUEST, "; ".join(findings), {"findings": findings})


def _finding(item: Mapping[str, Any]) -> str:
    where = ".".join(_plain(str(part)) for part in item["loc"])
    message = _one_line(item["msg"])
    if item["type"] == "string_pattern_mismatch":
        message = WORDS.get(item["ctx"]["pattern"], message)
    given = item.get("input")
    if item["type"] in ("missing", "extra_forbidden") or not isinstance(given, str | int | float):
        return f"{where}: {message}"
    return f"{where}: {message} (given: {_short(ascii(given))})"


def _plain(text: str) -> str:
    """Whatever a caller sent, as a short line of plain text."""
    return _short(ascii(text)[1:-1])


def _short(text: str) -> str:
    return text[:SHOWN] + "..." if len(text) > SHOWN else text


def _one_line(text: str) -> str:
    return " ".join(text.removeprefix("Value error, ").split())


def _no_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.NOT_FOUND:
        return refusal(ErrorCode.NOT_FOUND, f"there is nothing at {_plain(request.url.path)}; see /docs")
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        message = f"{request.method} is not possible here; see /docs"
        headers = _all_methods(request) or error.headers
        return refusal(ErrorCode.INVALID_REQUEST, message, status=error.status_code, headers=headers)
    return refusal(ErrorCode.INVALID_REQUEST, _one_line(str(error.detail)), status=error.status_code)


def _all_methods(request: Request) -> dict[str, str]:
    """The header that says what is possible at a path of the description; {}: it is none of those.

    Starlette would name the methods of one route, but each method of ours has a route of its own.
    """
    path = getattr(request.scope.get("route"), "path", None)
    methods = request.app.openapi()["paths"].get(path, {})
    return {"Allow": ", ".join(sorted(map(str.upper, methods)))} if methods else {}


def _bug(request: Request, error: Exception) -> Response:
    # The top of everything: the caller gets an answer, the log gets the traceback.
    log.error("a bug: %s %s failed; please report this", request.method, request.url.path, exc_info=error)
    return refusal(ErrorCode.INTERNAL, "the server failed; see journalctl -u romana-server there")
