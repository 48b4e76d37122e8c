"""The one mapper from failures to problem details (RFC 9457). Nothing else of the API chooses a status for an error."""

import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import Response

from shared.api.http.trace import trace_of
from shared.domain.errors import (
    AuthNotConfigured,
    Busy,
    CannotProbe,
    ChecksumMismatch,
    Conflict,
    FinalError,
    ForeignHost,
    ForeignOrigin,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    InsufficientScope,
    InvalidOperation,
    InvalidRequest,
    KeyServerUnavailable,
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
    RateLimited,
    RecordingTooLarge,
    RedeliveryWaiting,
    RequestError,
    RequestTimedOut,
    ResultNotReady,
    RostrumError,
    SettingsInvalid,
    StorageFull,
    TextDoesNotFit,
    TokenMissing,
    TransientError,
    Unauthenticated,
    UnreadableRow,
    UploadIncomplete,
    WebhooksNotConfigured,
)

log = logging.getLogger(__name__)

PROBLEM_JSON = "application/problem+json"

STORAGE_RETRY_SEC = 5
DISK_RETRY_SEC = 300
IN_USE_RETRY_SEC = 1

_STATUSES: dict[type[RostrumError], HTTPStatus] = {
    InvalidRequest: HTTPStatus.UNPROCESSABLE_ENTITY,
    InvalidOperation: HTTPStatus.UNPROCESSABLE_ENTITY,
    TextDoesNotFit: HTTPStatus.UNPROCESSABLE_ENTITY,
    PreconditionRequired: HTTPStatus.PRECONDITION_REQUIRED,
    PreconditionFailed: HTTPStatus.PRECONDITION_FAILED,
    NotFound: HTTPStatus.NOT_FOUND,
    ResultNotReady: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    UploadIncomplete: HTTPStatus.CONFLICT,
    CannotProbe: HTTPStatus.UNPROCESSABLE_ENTITY,
    StorageFull: HTTPStatus.SERVICE_UNAVAILABLE,
    WebhooksNotConfigured: HTTPStatus.UNPROCESSABLE_ENTITY,
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    InsufficientScope: HTTPStatus.FORBIDDEN,
    ForeignHost: HTTPStatus.FORBIDDEN,
    ForeignOrigin: HTTPStatus.FORBIDDEN,
    IdempotencyKeyReused: HTTPStatus.UNPROCESSABLE_ENTITY,
    IdempotencyKeyInUse: HTTPStatus.CONFLICT,
    RedeliveryWaiting: HTTPStatus.CONFLICT,
    RateLimited: HTTPStatus.TOO_MANY_REQUESTS,
    Busy: HTTPStatus.SERVICE_UNAVAILABLE,
    RequestTimedOut: HTTPStatus.REQUEST_TIMEOUT,
    RequestError: HTTPStatus.BAD_REQUEST,
    ChecksumMismatch: HTTPStatus.CONFLICT,
    RecordingTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    FinalError: HTTPStatus.UNPROCESSABLE_ENTITY,
    TransientError: HTTPStatus.SERVICE_UNAVAILABLE,
    UnreadableRow: HTTPStatus.INTERNAL_SERVER_ERROR,
    SettingsInvalid: HTTPStatus.INTERNAL_SERVER_ERROR,
}

_HTTP_KINDS = {
    400: ("malformed_request", "The request is malformed"),
    404: (NotFound.code, "There is no such address"),
    408: (RequestTimedOut.code, "The request did not arrive in time"),
    405: ("method_not_allowed", "The method is not allowed"),
    406: ("not_acceptable", "No acceptable form is offered"),
    413: ("body_too_large", "The body is too large"),
    415: ("unsupported_media_type", "The body is of a kind that is not taken"),
}
"""Code and title of what HTTP itself has a name for."""

_NO_BODY = "The request needs a JSON body."


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A failure as the caller may see it."""

    status: int
    code: str
    title: str
    detail: str
    retryable: bool = False
    errors: Sequence[Mapping[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


def problem_of(error: Exception) -> Problem:
    """Return the problem to show the caller; the text of an unknown error is withheld."""
    if isinstance(error, RequestValidationError):
        return _validation_problem(error.errors(), error.body)
    if isinstance(error, HTTPException):
        return _http_problem(error)
    status = next((_STATUSES[kind] for kind in type(error).__mro__ if kind in _STATUSES), None)
    if status is None or not isinstance(error, RostrumError):
        return Problem(
            status=500,
            code=RostrumError.code,
            title="Something went wrong",
            detail="The failure has been logged under this traceId.",
        )
    headers = _headers(error, status)
    return Problem(
        status=status,
        code=error.code,
        title=error.title,
        detail=_with_pause(error.detail, headers.get("Retry-After")),
        retryable=error.retryable,
        errors=[{"pointer": error.pointer, "detail": error.detail}] if isinstance(error, InvalidOperation) else (),
        headers=headers,
    )


def problem_response(request: HTTPConnection, error: Exception) -> Response:
    """Return the failure as a response, and log it when it is not the caller's."""
    problem, trace = problem_of(error), trace_of(request)
    facts = {"action": "answer", "code": problem.code, "trace_id": trace.trace_id}
    facts |= {"method": str(request.scope.get("method")), "path": request.scope["path"]}
    if problem.code == RostrumError.code:
        log.error("request failed", extra=facts, exc_info=error)
    elif problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("request could not be served", extra={**facts, "detail": problem.detail})
    body = problem_fields(problem, request.scope["path"], trace.trace_id)
    return Response(
        json.dumps(body, ensure_ascii=False), problem.status, headers=dict(problem.headers), media_type=PROBLEM_JSON
    )


def problem_fields(problem: Problem, instance: str, trace_id: str) -> dict[str, Any]:
    """Return the body of the answer to a request for the path `instance`."""
    fields: dict[str, Any] = {
        "type": f"urn:rostrum:problem:{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": instance,
        "code": problem.code,
        "retryable": problem.retryable,
        "traceId": trace_id,
    }
    if problem.errors:
        fields["errors"] = list(problem.errors)
    return fields


def _with_pause(detail: str, retry_after_sec: str | None) -> str:
    """Return the detail, which says why, with the pause that `Retry-After` names, unless it names it already."""
    if retry_after_sec is None or f" {retry_after_sec} s" in detail:
        return detail
    return f"{detail} Try again in {retry_after_sec} s."


def _headers(error: RostrumError, status: HTTPStatus) -> dict[str, str]:
    if isinstance(error, Unauthenticated | InsufficientScope):
        return {"WWW-Authenticate": _challenge(error)}
    if isinstance(error, RateLimited | KeyServerUnavailable | Busy):
        return {"Retry-After": str(error.retry_after_sec)}
    if isinstance(error, RequestTimedOut):
        return {"Connection": "close"}  # the rest of the body is not waited for
    if isinstance(error, IdempotencyKeyInUse):
        return {"Retry-After": str(IN_USE_RETRY_SEC)}
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        return {"Retry-After": str(DISK_RETRY_SEC if isinstance(error, StorageFull) else STORAGE_RETRY_SEC)}
    return {}


def _challenge(error: RostrumError) -> str:
    """Return the challenge: the kind of token that is wanted, and the fault of the one that came.

    https://www.rfc-editor.org/rfc/rfc6750#section-3
    """
    if isinstance(error, AuthNotConfigured | TokenMissing):
        return "Bearer"  # nothing is said of a token that did not come
    if isinstance(error, InsufficientScope):
        return (
            f'Bearer error="insufficient_scope", error_description="{_quotable(error.detail)}", scope="{error.scope}"'
        )
    return f'Bearer error="invalid_token", error_description="{_quotable(error.detail)}"'


def _quotable(text: str) -> str:
    """Return the text without the characters that a challenge's quotes cannot hold."""
    return re.sub(r"[^\x20-\x21\x23-\x5b\x5d-\x7e]", "'", text)


def _http_problem(error: HTTPException) -> Problem:
    phrase = HTTPStatus(error.status_code).phrase
    detail = str(error.detail)
    if error.status_code == HTTPStatus.NOT_FOUND and detail == phrase:
        detail = "The API has no such address."
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED and detail == phrase:
        detail = "The address does not take this method."
    code, title = _HTTP_KINDS.get(error.status_code, (RequestError.code, phrase))
    return Problem(
        status=error.status_code,
        code=code,
        title=title,
        detail=detail,
        retryable=error.status_code == HTTPStatus.REQUEST_TIMEOUT,
        headers=error.headers or {},
    )


def _validation_problem(errors: Sequence[Any], body: object) -> Problem:
    for error in errors:
        if error["type"] == "json_invalid":
            reason, position = error["ctx"]["error"], error["loc"][-1]
            detail = f"The body is not JSON: {reason} at character {position}."
            return Problem(status=400, code="malformed_json", title="The body is not JSON", detail=detail)
    listed = [{"pointer": _pointer(_in_body(error, body)), "detail": _sentence(error)} for error in errors]
    detail = " ".join(f"{each['pointer']}: {each['detail']}" for each in listed[:3])
    return Problem(
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        code=InvalidRequest.code,
        title="The request is not valid",
        detail=detail,
        errors=listed,
    )


def _in_body(error: Mapping[str, Any], body: object) -> Sequence[str | int]:
    """Return the error's location without the tags of unions, which stand in it and not in the body."""
    where, *path = error["loc"]
    if where != "body" or not isinstance(body, dict):
        return [where, *path]
    found: list[str | int] = [where]
    at: Any = body
    for number, step in enumerate(path):
        is_missing = error["type"] == "missing" and number == len(path) - 1
        if isinstance(at, dict) and step not in at and not is_missing:
            continue
        found.append(step)
        try:
            at = at[step]
        except (KeyError, IndexError, TypeError):
            at = None
    return found


def _pointer(location: Sequence[str | int]) -> str:
    """Return a JSON pointer as a fragment for the body (as in RFC 9457), or `?name` for a query parameter."""
    where, *path = location
    if where == "body":
        escaped = (str(step).replace("~", "~0").replace("/", "~1") for step in path)
        return "#" + "".join(f"/{step}" for step in escaped)
    return f"?{'.'.join(map(str, path))}" if where == "query" else ".".join(map(str, location))


def _sentence(error: Mapping[str, Any]) -> str:
    if error["type"] == "extra_forbidden":
        return "There is no such field."
    if error["type"] == "missing":
        return _NO_BODY if tuple(error["loc"]) == ("body",) else "This field is required."
    return str(error["msg"]).removeprefix("Value error, ").rstrip(".") + "."
