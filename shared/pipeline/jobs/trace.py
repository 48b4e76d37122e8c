"""Reconstruct a job's trace from its rows, its failures and its events, for operators without a tracing backend.

The ids are those that telemetry exports (`shared.telemetry.span_ids`); an attempt that failed is known by its failure
alone, which tells when it ended.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.domain.event import Event, EventType
from shared.domain.failure import StepFailure
from shared.domain.job import Job
from shared.domain.stage import StageState
from shared.domain.step_run import StepRun
from shared.domain.webhook import WebhookDelivery
from shared.job_status import JobStatus
from shared.pipeline.context import Services
from shared.telemetry.span_ids import (
    attempt_span_id,
    delivery_span_id,
    derived_span_id,
    job_span_id,
    needed_spans,
    origin_of,
)

EVENTS_A_PAGE = 1000
WORKER_DIED = "worker_died"


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceSpan:
    """One span of a job's trace."""

    span_id: int
    parent_id: int | None
    name: str
    started_at: datetime | None
    """None where no row tells it."""

    finished_at: datetime | None
    """None while it goes on, and where no row tells it."""

    outcome: str
    """How it ended, or `running`."""

    attempt: int = 1
    part: int | None = None
    """The number of the part, for steps."""

    detail: str | None = None
    """What made it fail."""

    links: Sequence[int] = field(default_factory=tuple)
    """The spans of the steps that it needed."""


@dataclass(frozen=True, slots=True)
class JobTrace:
    """A job's trace."""

    trace_id: int
    spans: Sequence[TraceSpan]
    """The request first, then each attempt at the job with the attempts at its steps, in the order in which they began
    or ended."""


def job_trace(services: Services, org_id: str, job_id: str) -> JobTrace:
    """Return the job's trace as far as it is known now; raise NotFound."""
    job = services.storage.jobs.get(org_id, job_id).value
    runs = [stored.value for stored in services.storage.step_runs.of_job(job_id)]
    origin = origin_of(job)
    spans = []
    if origin.span_id:
        request = TraceSpan(
            span_id=origin.span_id,
            parent_id=None,
            name="request",
            started_at=None,
            finished_at=job.created_at,
            outcome="accepted",
        )
        spans.append(request)
    attempts = list(_job_spans(job, _events(services, job), origin.span_id or None))
    steps = [*_failed(job), *_latest(job, runs), *_delivered(job, services.storage.deliveries.of_job(job_id))]
    for attempt in attempts:
        spans.append(attempt)
        spans += sorted((step for step in steps if step.parent_id == attempt.span_id), key=_place)
    return JobTrace(origin.trace_id, spans)


def _place(span: TraceSpan) -> datetime:
    at = span.started_at or span.finished_at
    assert at is not None
    return at


def _events(services: Services, job: Job) -> Iterator[Event]:
    after = 0
    while page := services.storage.jobs.events(job.org_id, job.job_id, after=after, limit=EVENTS_A_PAGE):
        yield from page
        after = page[-1].sequence


def _job_spans(job: Job, events: Iterable[Event], parent: int | None) -> Iterator[TraceSpan]:
    """Yield the attempts at the job: each begins with the status CREATED."""
    number, began, ended = 0, job.created_at, None
    for event in [each for each in events if each.type in (EventType.STATUS, EventType.ERROR)]:
        if event.status is JobStatus.CREATED:
            number, began = number + 1, event.at
        if event.status.is_final:
            ended = event
            yield _job_span(job, number, parent, began, ended)
    if not job.is_final:
        yield _job_span(job, job.attempt, parent, began, None)


def _job_span(job: Job, number: int, parent: int | None, began: datetime, ended: Event | None) -> TraceSpan:
    return TraceSpan(
        span_id=job_span_id(job, number),
        parent_id=parent,
        name="job",
        started_at=began,
        finished_at=ended.at if ended else None,
        outcome=str(ended.status) if ended else "running",
        attempt=number,
        detail=ended.error.detail if ended and ended.error else None,
        links=(job_span_id(job, number - 1),) if number > 1 else (),
    )


def _failed(job: Job) -> Iterator[TraceSpan]:
    for failure in job.failures:
        yield TraceSpan(
            span_id=derived_span_id("failure", job.job_id, *map(str, failure.key)),
            parent_id=job_span_id(job, failure.job_attempt),
            name=f"{failure.stage} {failure.step}",
            started_at=None,
            finished_at=failure.at,
            outcome="crashed" if failure.code == WORKER_DIED else "failed",
            attempt=failure.attempt,
            part=failure.part,
            detail=failure.detail,
        )


def _latest(job: Job, runs: Sequence[StepRun]) -> Iterator[TraceSpan]:
    """Yield the attempts that rows tell of: those that run, and those that are done."""
    for run in runs:
        span_id = attempt_span_id(run)
        if span_id is None or run.started_at is None or run.state not in (StageState.RUNNING, StageState.DONE):
            continue
        yield TraceSpan(
            span_id=span_id,
            parent_id=job_span_id(job, run.job_attempt),
            name=f"{run.stage} {run.step}",
            started_at=_began(run, job.failures, run.started_at),
            finished_at=run.finished_at,
            outcome=str(run.state),
            attempt=run.attempts,
            part=run.number,
            links=tuple(needed_spans(job, run, runs)),
        )


def _delivered(job: Job, deliveries: Iterable[WebhookDelivery]) -> Iterator[TraceSpan]:
    for delivery in deliveries:
        took = timedelta(seconds=delivery.duration_sec or 0.0)
        yield TraceSpan(
            span_id=delivery_span_id(delivery),
            parent_id=job_span_id(job, delivery.attempt),
            name="webhook",
            started_at=delivery.sent_at,
            finished_at=delivery.sent_at + took,
            outcome=str(delivery.state),
            attempt=delivery.number,
            detail=delivery.error,
        )


def _began(run: StepRun, failures: Sequence[StepFailure], first: datetime) -> datetime:
    """Return when the latest attempt began at the earliest: the row tells it of the first attempt only."""
    mine = (run.stage, run.step, run.number, run.job_attempt)
    return max((each.at for each in failures if each.key[:4] == mine), default=first)
