"""Derive the ids of spans from what they are about, so that each process knows them without asking.

A step's links name spans of other processes, and a crashed attempt's span is written by the process that finds it.
See docs/decisions/0025-telemetry.md.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from shared.domain.job import Job
from shared.domain.message import StepKind
from shared.domain.stage import Stage, StageState
from shared.domain.step_run import STEPS, StepRun
from shared.domain.webhook import WebhookDelivery

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")
_SAMPLED = 1


@dataclass(frozen=True, slots=True)
class Parent:
    """A span of another process, as W3C Trace Context names it."""

    trace_id: int
    span_id: int
    """0 where there is no such span, and only the trace is known."""

    is_sampled: bool = True


def parse_traceparent(text: str | None) -> Parent | None:
    """Return the span that the header names; None for a text that names none."""
    match = _TRACEPARENT.fullmatch((text or "").strip())
    if match is None:
        return None
    return Parent(int(match[1], 16), int(match[2], 16), bool(int(match[3], 16) & _SAMPLED))


def origin_of(job: Job) -> Parent:
    """Return the request that made the job; of a job that carries none, a trace of its own."""
    return parse_traceparent(job.traceparent) or Parent(_number(16, "trace", job.job_id), 0)


def trace_id_of(traceparent: str | None, job_id: str) -> str:
    """Return the id of a job's trace as 32 hexadecimal digits: the one of logs, problem responses and spans."""
    parent = parse_traceparent(traceparent)
    return f"{parent.trace_id if parent else _number(16, 'trace', job_id):032x}"


def job_span_id(job: Job, attempt: int | None = None) -> int:
    """Return the id of the span of an attempt at the job; without a number, of the latest one."""
    return derived_span_id("job", job.job_id, str(attempt or job.attempt))


def attempt_span_id(run: StepRun) -> int | None:
    """Return the id of the span of the step's latest attempt; None when its row does not tell which delivery it was."""
    if run.owner is None:
        return None
    return derived_span_id("step", run.job_id, str(run.job_attempt), run.stage, run.step, str(run.number), run.owner)


def delivery_span_id(delivery: WebhookDelivery) -> int:
    """Return the id of the span of a webhook's delivery."""
    return derived_span_id("delivery", delivery.delivery_id)


def needed_spans(job: Job, run: StepRun, runs: Iterable[StepRun]) -> Iterator[int]:
    """Yield the spans of the steps directly before this one, in their order: at a merge, those of all parts."""
    before = step_before(job, run.stage, run.step)
    for each in sorted(runs, key=lambda each: each.number):
        if (each.stage, each.step) == before and each.state is StageState.DONE:
            span_id = attempt_span_id(each)
            if span_id is not None:
                yield span_id


def step_before(job: Job, stage: Stage, step: StepKind) -> tuple[Stage, StepKind] | None:
    """Return the step directly before this one; None for the first one of the job."""
    kinds = STEPS[stage]
    place = kinds.index(step)
    if place:
        return stage, kinds[place - 1]
    needed = job.stage_before(stage)
    return (needed, STEPS[needed][-1]) if needed else None


def derived_span_id(*names: str) -> int:
    """Return the id of a span that these names tell apart from every other one."""
    return _number(8, *names)


def _number(size_bytes: int, *names: str) -> int:
    digest = hashlib.sha256("/".join(names).encode()).digest()
    return int.from_bytes(digest[:size_bytes]) or 1
