"""Print a job's trace as a tree: how long each span took, when it began, and what made it fail."""

from datetime import datetime

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from rostrum_client.models import Span, Trace

_GOOD = {"done", "DONE", "accepted", "delivered"}


def print_trace(trace: Trace, console: Console) -> None:
    """Print the spans below one another, in the order of the trace."""
    tree = Tree(Text(f"trace {trace.trace_id}"))
    began = min((span.started_at for span in trace.spans if span.started_at), default=None)
    nodes: dict[str, Tree] = {}
    for span in trace.spans:
        above = nodes.get(span.parent_id or "", tree)
        nodes[span.span_id] = above.add(_line(span, began))
    console.print(tree)


def _line(span: Span, began: datetime | None) -> Text:
    name = span.name if span.part is None else f"{span.name} {span.part}"
    parts = [name, _took(span, began), span.outcome]
    if span.attempt > 1:
        parts.append(f"attempt {span.attempt}")
    if len(span.links) > 1:
        parts.append(f"joins {len(span.links)}")
    if span.detail:
        parts.append(span.detail)
    style = "" if span.outcome in _GOOD else "yellow" if span.outcome == "running" else "red"
    return Text("  ".join(filter(None, parts)), style=style)


def _took(span: Span, began: datetime | None) -> str:
    """Return when the span began, counted from the first one, and how long it took, in seconds."""
    if span.started_at is None or began is None:
        return ""
    at = f"at {(span.started_at - began).total_seconds():.1f} s"
    if span.finished_at is None:
        return at
    return f"{at} for {(span.finished_at - span.started_at).total_seconds():.1f} s"
