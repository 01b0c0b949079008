"""The description of the API: what FastAPI knows of the routes, and what the application does around them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI

from romana.models import ErrorBody, ErrorCode
from romana.server import access, errors

SCHEME = "token"
SCHEMES = {SCHEME: {"type": "http", "scheme": "bearer", "description": "as `romana-manage token create` prints it"}}
INVALID = str(int(HTTPStatus.UNPROCESSABLE_ENTITY))
TOO_LONG = str(int(HTTPStatus.REQUEST_ENTITY_TOO_LARGE))
FASTAPIS = ("HTTPValidationError", "ValidationError")  # its own idea of how a refusal looks


class DescribedApp(FastAPI):
    """A FastAPI application whose description also has tokens, and every refusal with our body."""

    def openapi(self) -> dict[str, Any]:
        document = super().openapi()  # the same object each time
        schemas = document["components"]["schemas"]
        for name in FASTAPIS:
            schemas.pop(name, None)
        body = ErrorBody.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= body.pop("$defs")
        schemas["ErrorBody"] = body
        document["components"]["securitySchemes"] = SCHEMES
        document["security"] = [{SCHEME: []}]
        for path, methods in document["paths"].items():
            for operation in methods.values():
                _complete(path, operation)
        return document


def _complete(path: str, operation: dict[str, Any]) -> None:
    """Say of an operation what is so for all that are like it."""
    codes = [ErrorCode.INTERNAL, ErrorCode.UNAVAILABLE]
    if path in access.OPEN:
        operation["security"] = []
    else:
        codes.append(ErrorCode.UNAUTHENTICATED)
    if path not in access.OPEN | access.FOR_ANY_TOKEN:
        codes.append(ErrorCode.FORBIDDEN)
    for parameter in operation.get("parameters", ()):
        _leave_out_null(parameter["schema"])
    answers = operation["responses"]
    if INVALID in answers:  # FastAPI has it where there are parameters or a body
        codes.append(ErrorCode.INVALID_REQUEST)
    if "requestBody" in operation:
        answers[TOO_LONG] = errors.answer(f"`{ErrorCode.INVALID_REQUEST}`: the body is too long")
    answers |= {str(status): answer for status, answer in errors.answers(*codes).items()}
    operation["responses"] = dict(sorted(answers.items()))


def _leave_out_null(schema: dict[str, Any]) -> None:
    """A parameter can be left out, for which Python has None, but there is no null in an address or a header."""
    match schema:
        case {"anyOf": [kind, {"type": "null"}]}:
            del schema["anyOf"]
            schema |= kind
