"""Begin the trace, bound bodies, and turn every escaped exception into a problem response: the outermost layer."""

import logging
import re
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.api.http.body_pace import DEFAULT_PACE, BodyClock, Pace
from shared.api.http.problems import problem_response
from shared.api.http.trace import Trace, begin_trace, given_traceparent
from shared.domain.errors import RequestTimedOut, RostrumError
from shared.telemetry.telemetry import OFF, RequestSpan, Telemetry

log = logging.getLogger(__name__)

MAX_JSON_BYTES = 256 * 1024
"""Longest JSON body accepted. Recordings are streamed, or go to storage directly."""

_FORM = "application/x-www-form-urlencoded"

_STREAMED = "/sessions/import"
"""The route whose body is no JSON and is never held: it counts for itself."""

MAX_TEXT_BYTES = 4 * 1024**2
"""Longest corrected transcript accepted: a day of captions."""

_TEXTS = re.compile(r"/sessions/[^/]+/results/transcript/import")
"""The route whose body is a text."""

TEXT_TYPES = ("text/vtt", "application/x-subrip", "text/plain", "text/srt", "application/octet-stream")


class Guard:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, pace: Pace = DEFAULT_PACE, telemetry: Telemetry = OFF) -> None:
        self._app = app
        self._pace = pace
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with self._telemetry.request(scope["method"], scope["path"], given_traceparent(scope)) as span:
            await self._answer(scope, receive, send, span)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, span: RequestSpan) -> None:
        trace = begin_trace(scope, span.traceparent)
        started = False

        async def watched_send(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                _protect(MutableHeaders(scope=message))
                span.answered(message["status"], getattr(scope.get("route"), "path", None))
            await send(message)

        try:
            await self._app(*_bounded(scope, receive, self._pace), watched_send)
        except ClientDisconnect:
            return  # the client has gone
        except Exception as error:
            if started:
                _log_broken(error, trace)
                raise  # the answer is under way: only a broken connection can tell that it is not whole
            await problem_response(HTTPConnection(scope), error)(scope, receive, watched_send)


def _protect(headers: MutableHeaders) -> None:
    """Set headers that keep browsers from guessing an answer's type, and caches from keeping what no route allowed."""
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Cache-Control", "no-store")


def _log_broken(error: Exception, trace: Trace) -> None:
    """Log the reason for a broken connection, since the host sees only that it broke."""
    level = logging.WARNING if isinstance(error.__cause__ or error, RostrumError) else logging.ERROR
    facts = {"action": "answer", "trace_id": trace.trace_id}
    log.log(level, "response broke off", extra=facts, exc_info=error)


def _bounded(scope: Scope, receive: Receive, pace: Pace) -> tuple[Scope, Receive]:
    """Return the request with its body counted, held to the pace and known to be JSON, unless it has none or its route
    streams it.
    """
    headers = Headers(scope=scope)
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    length = headers.get("content-length", "")
    has_body = length not in ("", "0") or "transfer-encoding" in headers
    if not has_body or scope["path"] == scope.get("root_path", "") + _STREAMED:
        return scope, receive
    if content_type in TEXT_TYPES and _TEXTS.fullmatch(scope["path"].removeprefix(scope.get("root_path", ""))):
        bound = _Bound(MAX_TEXT_BYTES, "corrected transcript")
    else:
        scope = _as_json(scope, headers, content_type)
        bound = _Bound(MAX_JSON_BYTES, "JSON body")
    if length.isdigit() and int(length) > bound.max_bytes:
        raise bound.exceeded()
    return scope, _counted(receive, pace, bound)


def _as_json(scope: Scope, headers: Headers, content_type: str) -> Scope:
    """Accept JSON, and the form type that `curl -d` sends by default, but the latter only from programs.

    A browser can send such a form from a foreign page without asking first, and then it names the page's origin.
    """
    if content_type == "application/json" or (
        content_type.startswith("application/") and content_type.endswith("+json")
    ):
        return scope
    if content_type not in (_FORM, "") or "origin" in headers:
        raise HTTPException(415, "The body must be JSON, with the header Content-Type: application/json.")
    inner = {**scope, "headers": list(scope["headers"])}
    MutableHeaders(scope=inner)["content-type"] = "application/json"
    return inner


def _counted(receive: Receive, pace: Pace, bound: "_Bound") -> Receive:
    """Return `receive` with the body counted and held to the pace; what comes after the body is only passed on."""
    read, is_over, clock = 0, False, BodyClock(pace)

    async def counting() -> Message:
        nonlocal read, is_over
        if is_over:
            return await receive()
        try:
            message = await clock.next(receive, lambda received: len(received.get("body", b"")))
        except RequestTimedOut as err:  # FastAPI lets only this kind through while it reads a body
            raise HTTPException(408, err.detail, {"Connection": "close"}) from err
        is_over = not message.get("more_body", False)
        read += len(message.get("body", b""))
        if read > bound.max_bytes:
            raise bound.exceeded()
        return message

    return counting


@dataclass(frozen=True, slots=True)
class _Bound:
    """How long a body may be."""

    max_bytes: int
    noun: str

    def exceeded(self) -> HTTPException:
        """Return the refusal of a longer one."""
        return HTTPException(413, f"A {self.noun} may have at most {self.max_bytes} bytes.")
