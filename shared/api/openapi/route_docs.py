"""Describe the answers of routes: the pieces of the API's description that routes share."""

from types import UnionType
from typing import Any

from pydantic import BaseModel

from shared.api.http.problems import PROBLEM_JSON, problem_fields, problem_of
from shared.api.openapi.problem_examples import (
    BODY_TOO_LARGE,
    EXAMPLES,
    INVALID_BODY,
    INVALID_KEY,
    MALFORMED_JSON,
    NO_JSON,
)
from shared.domain.errors import (
    AuthNotConfigured,
    ForeignHost,
    ForeignOrigin,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    InsufficientScope,
    KeyServerUnavailable,
    RateLimited,
    RostrumError,
    StorageUnavailable,
    TokenExpired,
    TokenInvalid,
    TokenMissing,
)

ResponseDocs = dict[int | str, dict[str, Any]]
Failure = type[RostrumError] | Exception
"""A kind of failure, or an example of it that suits the route better than the one that all share."""

EXAMPLE_TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"

_MEANINGS = {
    400: "The body is malformed",
    401: "The token is missing or not valid, or authentication is not set up",
    403: "The token lacks a scope; or, without tokens, the request is not from this machine",
    404: "There is no such thing here, or its result does not exist yet",
    406: "No form that is offered is acceptable",
    408: "The request did not arrive in time",
    409: "The request does not fit the present state",
    412: "Another editor was faster: there is a newer version",
    413: "The body is too large",
    415: "The body is not of a kind that is taken",
    422: "The request is not valid, or cannot be carried out",
    428: "The request needs `If-Match`",
    429: "The organisation asks too often",
    503: "The storage or another server does not answer, the storage's disk is nearly full, or too much is going on",
}

_HEADERS = {
    "WWW-Authenticate": {"description": "What was wrong with the token (RFC 6750).", "schema": {"type": "string"}},
    "Retry-After": {
        "description": "Seconds to wait before asking again.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "Connection": {"description": "`close`.", "schema": {"type": "string"}},
}

_ALWAYS: tuple[Failure, ...] = (
    TokenMissing,
    TokenInvalid,
    TokenExpired,
    AuthNotConfigured,
    InsufficientScope,
    ForeignHost,
    RateLimited,
    StorageUnavailable,
    KeyServerUnavailable,
)
_POSTED: tuple[Failure, ...] = (
    ForeignOrigin,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    INVALID_KEY,
    BODY_TOO_LARGE,
    NO_JSON,
)
_WITH_BODY: tuple[Failure, ...] = (MALFORMED_JSON, INVALID_BODY)

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


def reading(*more: Failure) -> ResponseDocs:
    """Return the problems of a route that takes no body: these, and those that every route has."""
    return refusing(*more, *_ALWAYS)


def acting(*more: Failure) -> ResponseDocs:
    """Return the problems of a POST that needs no body."""
    return refusing(*more, *_ALWAYS, *_POSTED)


def saving(*more: Failure) -> ResponseDocs:
    """Return the problems of a PUT that takes a JSON body."""
    return refusing(*more, *_ALWAYS, *_WITH_BODY, ForeignOrigin, BODY_TOO_LARGE, NO_JSON)


def writing(*more: Failure) -> ResponseDocs:
    """Return the problems of a POST that takes a JSON body."""
    return refusing(*more, *_ALWAYS, *_WITH_BODY, *_POSTED)


def json_file(description: str, model: type[BaseModel] | UnionType, *other_types: str) -> dict[str, Any]:
    """Return a response that is a JSON file of this shape, or one of the other types."""
    return {**file_docs(description, *other_types), "model": model}


def file_docs(description: str, *media_types: str) -> dict[str, Any]:
    """Return a response that is a file of one of these types, without a shape."""
    return {"description": description, "content": {kind: {"schema": {"type": "string"}} for kind in media_types}}


def refusing(*failures: Failure) -> ResponseDocs:
    """Return the responses by status, each with an example for every code; the first failure with a code is its
    example.
    """
    found: ResponseDocs = {}
    for failure in failures:
        problem = problem_of(EXAMPLES[failure] if isinstance(failure, type) else failure)
        response = found.setdefault(problem.status, _response(problem.status))
        examples = response["content"][PROBLEM_JSON]["examples"]
        examples.setdefault(
            problem.code, {"summary": problem.title, "value": problem_fields(problem, "", EXAMPLE_TRACE)}
        )
        if problem.headers:
            response["headers"] = {name: _HEADERS[name] for name in problem.headers}
    return {status: found[status] for status in sorted(found, key=int)}


def _response(status: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    content = {PROBLEM_JSON: {"schema": schema, "examples": dict[str, Any]()}}
    return {"description": _MEANINGS[status], "content": content}
