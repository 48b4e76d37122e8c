"""Pieces of the API's description that the routes share."""

from typing import Any

from pydantic import BaseModel

from shared.api.problems import PROBLEM_JSON

ResponseDocs = dict[int | str, dict[str, Any]]

_MEANINGS = {
    302: "Found elsewhere",
    400: "The body is not JSON",
    401: "The token is missing or not valid, or authentication is not set up",
    403: "The token lacks a scope",
    404: "There is no such thing here, or its result does not exist yet",
    406: "No form that is offered is acceptable",
    409: "The request does not fit the present state",
    413: "The body is too large",
    415: "The body is not of a kind that is taken",
    422: "The request is not valid",
    429: "The organisation asks too often",
    503: "The storage or the key server does not answer, or the storage's disk is nearly full",
}

_CHALLENGE = {"description": "What was wrong with the token (RFC 6750).", "schema": {"type": "string"}}
_WAIT = {"description": "Seconds to wait before asking again.", "schema": {"type": "integer", "minimum": 1}}
_HEADERS: dict[int, dict[str, Any]] = {
    401: {"headers": {"WWW-Authenticate": _CHALLENGE}},
    403: {"headers": {"WWW-Authenticate": _CHALLENGE}},
    429: {"headers": {"Retry-After": _WAIT}},
    503: {"headers": {"Retry-After": _WAIT}},
}

_READING = (401, 403, 422, 429, 503)
_WRITING = (400, 401, 403, 413, 415, 422, 429, 503)

PROBLEM_SCHEMA: dict[str, Any] = {
    "title": "Problem",
    "description": "A failure, as RFC 9457 describes it.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "code", "retryable", "traceId"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:rostrum:problem:invalid_request"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string", "description": "The path that was asked for."},
        "code": {"type": "string", "description": "Stable, for programs.", "examples": ["invalid_request"]},
        "retryable": {"type": "boolean", "description": "Whether the same request may work later."},
        "traceId": {"type": "string", "description": "Under which the logs tell more."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {
                    "pointer": {
                        "type": "string",
                        "description": "A JSON pointer into the body as a fragment, or `?name` of a query parameter.",
                        "examples": ["#/options/engine"],
                    },
                    "detail": {"type": "string"},
                },
            },
        },
    },
}


def reading(*more: int) -> ResponseDocs:
    """The problems of a route that reads."""
    return _problems(*_READING, *more)


def writing(*more: int) -> ResponseDocs:
    """The problems of a route that takes a body."""
    return _problems(*_WRITING, *more)


def json_file(description: str, model: type[BaseModel], *other_types: str) -> dict[str, Any]:
    """A response that is a JSON file of this shape, or one of the other types."""
    content: dict[str, Any] = {kind: {"schema": {"type": "string"}} for kind in other_types}
    return {"description": description, "model": model, "content": content}


def _problems(*statuses: int) -> ResponseDocs:
    content = {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": _MEANINGS[status], "content": content, **_HEADERS.get(status, {})}
        for status in sorted(statuses)
    }
