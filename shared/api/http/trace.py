"""The trace that a request belongs to: the caller's, by W3C Trace Context, or a new one.

https://www.w3.org/TR/trace-context/#traceparent-header
"""

import re
import secrets
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import Scope

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class Trace:
    """`trace_id` for answers and logs, `traceparent` to hand on."""

    trace_id: str
    traceparent: str


def begin_trace(scope: Scope) -> Trace:
    """Read or make the request's trace, and keep it with the request."""
    given = Headers(scope=scope).get("traceparent", "").strip()
    match = _TRACEPARENT.fullmatch(given)
    if match:
        trace = Trace(match[1], given)
    else:
        trace_id = secrets.token_hex(16)
        trace = Trace(trace_id, f"00-{trace_id}-{secrets.token_hex(8)}-01")
    scope.setdefault("state", {})["trace"] = trace
    return trace


def trace_of(request: HTTPConnection) -> Trace:
    """Return the trace that `begin_trace` kept."""
    trace = request.state.trace
    assert isinstance(trace, Trace)
    return trace
