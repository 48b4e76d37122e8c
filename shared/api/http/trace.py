"""The trace that a request belongs to: the caller's, by W3C Trace Context, or a new one.

https://www.w3.org/TR/trace-context/#traceparent-header
"""

import secrets
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import Scope

from shared.telemetry.span_ids import parse_traceparent


@dataclass(frozen=True, slots=True)
class Trace:
    """`trace_id` for answers and logs, `traceparent` to hand on."""

    trace_id: str
    traceparent: str


def given_traceparent(scope: Scope) -> str:
    """Return what the caller sent as its trace, which may be anything."""
    return Headers(scope=scope).get("traceparent", "").strip()


def begin_trace(scope: Scope, traceparent: str | None = None) -> Trace:
    """Keep the trace with the request: the span's that was begun for it, the caller's, or a new one."""
    given = traceparent or given_traceparent(scope)
    span = parse_traceparent(given)
    if span:
        trace = Trace(f"{span.trace_id:032x}", given)
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
