"""Tell of the work as OpenTelemetry's spans and metrics: one trace a job, from its request through every step.

The tree of a job: the request that made it, below it one span for each attempt at the job, below that one for each
attempt at a step, with links to the attempts whose results it needs. Loaded only where something is exported.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind, StatusCode, TraceFlags
from opentelemetry.util.types import AttributeValue

from shared.domain.job import Job
from shared.domain.message import StageMessage
from shared.domain.stage import Stage
from shared.domain.step_run import StepRun
from shared.domain.webhook import WebhookDelivery
from shared.job_status import JobStatus
from shared.telemetry.instruments import make_instruments
from shared.telemetry.span_ids import (
    Parent,
    attempt_span_id,
    delivery_span_id,
    job_span_id,
    needed_spans,
    origin_of,
    parse_traceparent,
)
from shared.telemetry.telemetry import Outcome, RequestSpan, Runs, Telemetry

GAUGES_EVERY = timedelta(minutes=1)

_FAILURES = (Outcome.FAILED, Outcome.GIVEN_UP, Outcome.BLOCKED)
_NOT_TRACED_PATHS = ("/health",)
"""Ends of paths that are asked for every few seconds, and tell nothing."""

_chosen_span_id: ContextVar[int | None] = ContextVar("chosen_span_id", default=None)
_chosen_trace_id: ContextVar[int | None] = ContextVar("chosen_trace_id", default=None)


class ChosenIds(IdGenerator):
    """Gives a span, and a trace that begins with it, the id that was chosen for it, else a random one."""

    def __init__(self) -> None:
        self._random = RandomIdGenerator()

    def generate_span_id(self) -> int:
        """Return the chosen id once, else a random one."""
        chosen = _chosen_span_id.get()
        _chosen_span_id.set(None)
        return chosen or self._random.generate_span_id()

    def generate_trace_id(self) -> int:
        """Return the chosen id once, else a random one."""
        chosen = _chosen_trace_id.get()
        _chosen_trace_id.set(None)
        return chosen or self._random.generate_trace_id()

    def is_trace_id_random(self) -> bool:
        """Return that ids of traces are random."""
        return True


@dataclass(slots=True)
class _Attempt:
    """The attempt at a step that runs in this context."""

    span: Span
    outcome: Outcome = Outcome.STOPPED
    code: str | None = None
    detail: str | None = None


_attempt: ContextVar[_Attempt | None] = ContextVar("attempt", default=None)


class _Request(RequestSpan):
    def __init__(self, span: Span, method: str) -> None:
        context = span.get_span_context()
        self.traceparent = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
        self._span = span
        self._method = method

    def answered(self, status: int, route: str | None) -> None:
        self._span.set_attribute("http.response.status_code", status)
        if route is not None:
            self._span.set_attribute("http.route", route)
            self._span.update_name(f"{self._method} {route}")
        if status >= 500:
            self._span.set_status(StatusCode.ERROR)


class OpenTelemetry(Telemetry):
    """Tells of the work to the providers that it is given."""

    is_on = True

    def __init__(
        self,
        tracers: TracerProvider,
        meters: MeterProvider,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._tracer = tracers.get_tracer("rostrum")
        self._metrics = make_instruments(meters.get_meter("rostrum"))
        self._clock = clock
        self._measured_at: datetime | None = None
        self._providers = tracers, meters
        self._is_closed = False

    @contextmanager
    def request(self, method: str, path: str, traceparent: str | None) -> Iterator[RequestSpan]:
        """Return the span of a request; requests for the service's health have none."""
        if path.endswith(_NOT_TRACED_PATHS):
            yield RequestSpan()
            return
        caller = parse_traceparent(traceparent)
        facts = {"http.request.method": method, "url.path": path}
        span = self._start(method, _context(caller), SpanKind.SERVER, facts)
        with trace.use_span(span, record_exception=False, set_status_on_exception=False):
            try:
                yield _Request(span, method)
            finally:
                span.end(_nanoseconds(self._clock()))

    def job_accepted(self, job: Job) -> None:
        """Name the job on the current request's span, and count it."""
        trace.get_current_span().set_attributes(_facts_of(job))
        self._metrics.accepted.add(1, {"rostrum.again": job.attempt > 1})

    @contextmanager
    def attempt(self, job: Job, message: StageMessage, run: StepRun, runs: Runs) -> Iterator[None]:
        """Return the span of an attempt at a step, as a child of its job's, with links to the steps that it needed.

        A process that is told to end in between leaves the span to the attempt that finds its lease lost, as one that
        crashes does.
        """
        began = self._clock()
        links = [_context_of(job, span_id) for span_id in needed_spans(job, run, runs())]
        facts = {**_facts_of_step(job, run), "messaging.destination.name": message.queue}
        span = self._start(_name_of(run), _job_context(job), SpanKind.CONSUMER, facts, attempt_span_id(run), links)
        attempt = _Attempt(span)
        token = _attempt.set(attempt)
        try:
            with trace.use_span(span, record_exception=False, set_status_on_exception=False):
                yield
        except Exception:  # not in `finally`: KeyboardInterrupt and SystemExit leave the span, as the docstring says
            self._end_measured(attempt, run, began)
            raise
        else:
            self._end_measured(attempt, run, began)
        finally:
            _attempt.reset(token)

    def attempt_ended(self, outcome: Outcome, code: str | None = None, detail: str | None = None) -> None:
        """Keep for the current attempt's span how it ended."""
        attempt = _attempt.get()
        if attempt is not None:
            attempt.outcome, attempt.code, attempt.detail = outcome, code, detail

    def crashed(self, job: Job, run: StepRun) -> None:
        """Write the span that the crashed process could not write; it ends with the latest heartbeat.

        Only of a first attempt the row tells when it began.
        """
        last_seen = run.heartbeat_at or self._clock()
        began = run.started_at if run.attempts == 1 and run.started_at else last_seen
        facts = _facts_of_step(job, run)
        span = self._start(_name_of(run), _job_context(job), SpanKind.CONSUMER, facts, attempt_span_id(run), (), began)
        self._end_attempt(_Attempt(span, Outcome.CRASHED, "worker_died"), run, last_seen)

    def dead_lettered(self, job: Job, run: StepRun, queue: str, code: str) -> None:
        """Write a span for the dead letter, with a link to the attempt that was the last one."""
        attempt, last = _attempt.get(), attempt_span_id(run)
        links = [attempt.span.get_span_context()] if attempt else [_context_of(job, last)] if last else []
        facts = {**_facts_of_step(job, run), "messaging.destination.name": f"{queue}-poison", "error.type": code}
        span = self._start("dead letter", _job_context(job), SpanKind.PRODUCER, facts, None, links)
        span.set_status(StatusCode.ERROR)
        span.end(_nanoseconds(self._clock()))
        self._metrics.dead_letters.add(1, {"messaging.destination.name": queue})

    def stage_finished(self, job: Job, stage: Stage, recording_sec: float | None) -> None:
        """Measure how long the stage took, also as a share of the recording's duration."""
        progress = job.stages[stage]
        if progress.started_at is None or progress.finished_at is None:
            return
        took_sec = (progress.finished_at - progress.started_at).total_seconds()
        self._metrics.stages.record(took_sec, {"rostrum.stage": stage})
        if recording_sec:
            self._metrics.realtime_factors.record(took_sec / recording_sec, {"rostrum.stage": stage})

    def job_ended(self, job: Job, runs: Runs) -> None:
        """Write the job's span, from when it was accepted; of a later attempt, from when its first step began."""
        began, links = job.created_at, []
        if job.attempt > 1:
            mine = [run.started_at for run in runs() if run.job_attempt == job.attempt and run.started_at]
            began = min(mine, default=job.updated_at)
            links = [_context_of(job, job_span_id(job, job.attempt - 1))]
        facts = {**_facts_of(job), "rostrum.status": job.status}
        origin = origin_of(job)
        if not origin.span_id:
            _chosen_trace_id.set(origin.trace_id)
        span = self._start("job", _context(origin), SpanKind.INTERNAL, facts, job_span_id(job), links, began)
        code = {"error.type": job.error.code} if job.error else {}
        if job.error is not None:
            span.set_attributes(code)
            span.set_status(StatusCode.ERROR, job.error.detail)
        span.end(_nanoseconds(job.finished_at or job.updated_at))
        self._metrics.ended.add(1, {"rostrum.status": job.status, **code})

    def delivered(self, job: Job, delivery: WebhookDelivery) -> None:
        """Write the span of a delivery, as a child of the attempt at the job that it tells of."""
        parent = _job_context(job, delivery.attempt)
        facts: dict[str, AttributeValue] = {**_facts_of(job), "rostrum.attempt": delivery.number}
        if delivery.status_code is not None:
            facts["http.response.status_code"] = delivery.status_code
        span_id, began = delivery_span_id(delivery), delivery.sent_at
        span = self._start("webhook", parent, SpanKind.CLIENT, facts, span_id, (), began)
        if delivery.error is not None:
            span.set_status(StatusCode.ERROR, delivery.error)
        span.end(_nanoseconds(began + timedelta(seconds=delivery.duration_sec or 0.0)))

    def wants_gauges(self, now: datetime) -> bool:
        """Return whether the last measurement is a minute old; count it as measured then."""
        if self._measured_at is not None and now - self._measured_at < GAUGES_EVERY:
            return False
        self._measured_at = now
        return True

    def gauges(self, queues: Sequence[tuple[str, int, int, float]], jobs: Mapping[JobStatus, int]) -> None:
        """Set the gauges."""
        for name, waiting, poison, oldest_sec in queues:
            queue = {"messaging.destination.name": name}
            self._metrics.waiting.set(waiting, queue)
            self._metrics.poison.set(poison, queue)
            self._metrics.oldest.set(oldest_sec, queue)
        for status, count in jobs.items():
            self._metrics.active.set(count, {"rostrum.status": status})

    def close(self) -> None:
        """Send the spans and metrics that wait, and nothing from then on; for a process that ends. Again, do nothing.

        It takes up to `OTEL_EXPORTER_OTLP_TIMEOUT` (10 s) while the collector is away.
        """
        if not self._is_closed:
            self._is_closed = True
            for provider in self._providers:
                provider.shutdown()

    def _start(
        self,
        name: str,
        parent: Context,
        kind: SpanKind,
        facts: Mapping[str, AttributeValue],
        span_id: int | None = None,
        links: Sequence[SpanContext] = (),
        began: datetime | None = None,
    ) -> Span:
        """Start a span, with the id that was chosen for it."""
        _chosen_span_id.set(span_id)
        span: Span = self._tracer.start_span(
            name,
            context=parent,
            kind=kind,
            attributes=facts,
            links=[Link(each) for each in links],
            start_time=_nanoseconds(began or self._clock()),
            record_exception=False,
            set_status_on_exception=False,
        )
        return span

    def _end_measured(self, attempt: _Attempt, run: StepRun, began: datetime) -> None:
        ended = self._clock()
        self._end_attempt(attempt, run, ended)
        facts = {**_kind_of(run), "rostrum.outcome": attempt.outcome}
        self._metrics.attempts.record((ended - began).total_seconds(), facts)

    def _end_attempt(self, attempt: _Attempt, run: StepRun, at: datetime) -> None:
        span, code = attempt.span, attempt.code or "unknown"
        span.set_attribute("rostrum.outcome", attempt.outcome)
        if attempt.outcome in (*_FAILURES, Outcome.CRASHED):
            span.set_attribute("error.type", code)
            span.set_status(StatusCode.ERROR, attempt.detail)
            self._metrics.retries.add(1, {**_kind_of(run), "error.type": code})
        span.end(_nanoseconds(at))


def _context(parent: Parent | None) -> Context:
    """Return the context of a child of this span; without one, of a root."""
    if parent is None or not parent.span_id:
        return Context()
    return trace.set_span_in_context(NonRecordingSpan(_span_context(parent, parent.span_id)), Context())


def _job_context(job: Job, attempt: int | None = None) -> Context:
    """Return the context of a child of an attempt at the job; without a number, of the latest one."""
    return trace.set_span_in_context(NonRecordingSpan(_context_of(job, job_span_id(job, attempt))), Context())


def _context_of(job: Job, span_id: int) -> SpanContext:
    """Return a span of the job's trace."""
    return _span_context(origin_of(job), span_id)


def _span_context(parent: Parent, span_id: int) -> SpanContext:
    flags = TraceFlags(TraceFlags.SAMPLED if parent.is_sampled else TraceFlags.DEFAULT)
    return SpanContext(parent.trace_id, span_id, is_remote=True, trace_flags=flags)


def _name_of(run: StepRun) -> str:
    return f"{run.stage} {run.step}"


def _kind_of(run: StepRun) -> dict[str, AttributeValue]:
    return {"rostrum.stage": run.stage, "rostrum.step": run.step}


def _facts_of_step(job: Job, run: StepRun) -> dict[str, AttributeValue]:
    return {**_facts_of(job), **_kind_of(run), "rostrum.part": run.number, "rostrum.attempt": run.attempts}


def _facts_of(job: Job) -> dict[str, AttributeValue]:
    return {
        "rostrum.job.id": job.job_id,
        "rostrum.job.attempt": job.attempt,
        "rostrum.session.id": job.session_id,
        "rostrum.organisation.id": job.org_id,
    }


def _nanoseconds(at: datetime) -> int:
    """Return a time as OpenTelemetry counts it, exactly."""
    since = at - datetime(1970, 1, 1, tzinfo=UTC)
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1000
