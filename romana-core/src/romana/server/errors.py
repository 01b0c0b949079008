"""How refusals look on the wire: one table of statuses, one shape of body."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, get_args

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from romana import models
from romana.models import Error, ErrorBody, ErrorCode
from romana.store.errors import StoreError

log = logging.getLogger(__name__)

STATUS: Mapping[ErrorCode, HTTPStatus] = {
    ErrorCode.INVALID_REQUEST: HTTPStatus.UNPROCESSABLE_ENTITY,
    ErrorCode.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    ErrorCode.FORBIDDEN: HTTPStatus.FORBIDDEN,
    ErrorCode.NOT_FOUND: HTTPStatus.NOT_FOUND,
    ErrorCode.CONFLICT: HTTPStatus.CONFLICT,
    ErrorCode.GENERATION_CONFLICT: HTTPStatus.CONFLICT,
    ErrorCode.IN_USE: HTTPStatus.CONFLICT,
    ErrorCode.ADDRESS_IN_USE: HTTPStatus.CONFLICT,
    ErrorCode.ADDRESS_MISMATCH: HTTPStatus.CONFLICT,
    ErrorCode.IDEMPOTENCY_MISMATCH: HTTPStatus.CONFLICT,
    ErrorCode.HOST_RESTRICTED: HTTPStatus.CONFLICT,
    ErrorCode.HOSTS_EXHAUSTED: HTTPStatus.INSUFFICIENT_STORAGE,
    ErrorCode.TENANTS_EXHAUSTED: HTTPStatus.INSUFFICIENT_STORAGE,
    ErrorCode.SEGMENTS_EXHAUSTED: HTTPStatus.INSUFFICIENT_STORAGE,
    ErrorCode.ENDPOINTS_EXHAUSTED: HTTPStatus.INSUFFICIENT_STORAGE,
    ErrorCode.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
}
# What the patterns of the wire models mean, in words.
WORDS: Mapping[str, str] = {
    constraints.pattern: f"must be {field.description}"
    for _, constraints, field in map(get_args, (models.Name, models.Mac, models.InterfaceName, models.PortRange))
}
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
        body.model_dump_json(), status or STATUS[code], headers=dict(headers or {}), media_type="application/json"
    )


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
        return refusal(ErrorCode.INVALID_REQUEST, message, status=error.status_code, headers=error.headers)
    return refusal(ErrorCode.INVALID_REQUEST, _one_line(str(error.detail)), status=error.status_code)


def _bug(request: Request, error: Exception) -> Response:
    # The top of everything: the caller gets an answer, the log gets the traceback.
    log.error("a bug: %s %s failed; please report this", request.method, request.url.path, exc_info=error)
    return refusal(ErrorCode.INTERNAL, "the server failed; see journalctl -u romana-server there")
