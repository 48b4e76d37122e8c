"""Begin the trace, bound JSON bodies, and turn every escaped exception into a problem response: the outermost layer."""

import logging

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.api.http.problems import problem_response
from shared.api.http.trace import Trace, begin_trace
from shared.domain.errors import RostrumError

log = logging.getLogger(__name__)

MAX_JSON_BYTES = 256 * 1024
"""Longest JSON body accepted. Recordings are streamed, or go to storage directly."""

_FORM = "application/x-www-form-urlencoded"

_STREAMED = "/sessions/import"
"""The route whose body is no JSON and is never held: it counts for itself."""


class Guard:
    """Wraps the application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        trace = begin_trace(scope)
        started = False

        async def watched_send(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                _protect(MutableHeaders(scope=message))
            await send(message)

        try:
            await self._app(*_bounded(scope, receive), watched_send)
        except ClientDisconnect:
            return  # nobody is there to be answered
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


def _bounded(scope: Scope, receive: Receive) -> tuple[Scope, Receive]:
    """Return the request with its body counted and known to be JSON, unless it has none or its route streams it."""
    headers = Headers(scope=scope)
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    length = headers.get("content-length", "")
    has_body = length not in ("", "0") or "transfer-encoding" in headers
    if not has_body or scope["path"] == scope.get("root_path", "") + _STREAMED:
        return scope, receive
    if length.isdigit() and int(length) > MAX_JSON_BYTES:
        raise _too_large()
    return _as_json(scope, headers, content_type), _counted(receive)


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


def _counted(receive: Receive) -> Receive:
    read = 0

    async def counting() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > MAX_JSON_BYTES:
            raise _too_large()
        return message

    return counting


def _too_large() -> HTTPException:
    return HTTPException(413, f"A JSON body may have at most {MAX_JSON_BYTES} bytes.")
