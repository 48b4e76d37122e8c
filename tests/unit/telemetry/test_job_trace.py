"""The trace that is reconstructed from storage has the spans that telemetry exported."""

import io
from contextlib import suppress
from datetime import timedelta

import httpx
from rich.console import Console

from rostrum_client.models import Trace
from rostrum_client.trace_tree import print_trace
from rostrum_client.values import from_json
from shared.domain.message import StepKind
from shared.domain.stage import Stage
from shared.domain.task import Task
from shared.domain.webhook import Outcome
from shared.job_status import JobStatus
from shared.pipeline.tasks.job_manager import RetryLater
from shared.pipeline.webhooks.delivery import deliver
from tests.support.traced_harness import CALLER, ORG, TRACE, TracedHarness, away


def stored_trace(harness: TracedHarness, job_id: str) -> Trace:
    answer: httpx.Response = harness.client.get(f"/jobs/{job_id}/trace")
    assert answer.status_code == 200, answer.text
    return from_json(Trace, answer.text)


def test_a_job_that_went_well_has_the_same_spans_in_both() -> None:
    harness = TracedHarness(parts={Stage.TRANSCRIPTION: 3, Stage.TRACKING: 2})
    job = harness.post(CALLER)
    harness.drain()
    exported = {
        f"{span.context.span_id:016x}": (
            f"{span.parent.span_id:016x}",
            {f"{link.context.span_id:016x}" for link in span.links},
        )
        for span in harness.spans
        if span.name.startswith(("job", "download", "transcription", "tracking", "rendition")) and span.parent
    }
    trace = stored_trace(harness, job.job_id)
    stored = {span.span_id: (span.parent_id, set(span.links)) for span in trace.spans if span.name != "request"}

    assert trace.trace_id == TRACE
    assert stored == exported
    assert [span.name for span in trace.spans[:3]] == ["request", "job", "download part"]
    assert all(span.started_at and span.finished_at for span in trace.spans[1:])


def test_failed_attempts_and_the_retry_of_a_job_are_told() -> None:
    harness = TracedHarness(parts={Stage.TRANSCRIPTION: 1, Stage.TRACKING: 1})
    job = harness.post()
    harness.instead[Stage.TRACKING, StepKind.PREPARE] = away
    for _ in range(5):
        harness.drain()
        harness.now += timedelta(hours=1)
    assert harness.job(job).status is JobStatus.ERROR
    harness.instead.clear()
    harness.client.post(f"/jobs/{job.job_id}/retry")
    unfinished = stored_trace(harness, job.job_id)
    harness.drain()
    trace = stored_trace(harness, job.job_id)

    first, second = [span for span in trace.spans if span.name == "job"]
    assert [span.outcome for span in (first, second)] == ["ERROR", "DONE"]
    assert second.links == (first.span_id,)
    tries = [span for span in trace.spans if span.name == "tracking prepare"]
    assert [span.outcome for span in tries] == ["failed"] * 5 + ["done"]
    assert {span.parent_id for span in tries[:5]} == {first.span_id}
    assert tries[-1].parent_id == second.span_id
    assert [span.outcome for span in unfinished.spans if span.name == "job"] == ["ERROR", "running"]


def test_the_tree_shows_each_step_once_below_its_job() -> None:
    harness = TracedHarness(parts={Stage.TRANSCRIPTION: 2, Stage.TRACKING: 1})
    job = harness.post(CALLER)
    harness.drain()
    shown = io.StringIO()
    print_trace(stored_trace(harness, job.job_id), Console(file=shown, width=120))
    lines = shown.getvalue().splitlines()

    assert lines[0] == f"trace {TRACE}"
    assert lines[1].strip("└─ ") == "request  accepted"
    assert lines[2].startswith("    └── job  at 0.0 s for 0.")
    assert sum("transcription part" in line for line in lines) == 2
    assert sum("joins 2" in line for line in lines) == 1


def test_deliveries_of_the_webhook_are_in_both() -> None:
    harness = TracedHarness()
    job = harness.post(CALLER, callbackUrl="https://example.com/hook")
    harness.drain()
    task = Task(task_id="t1", org_id=ORG, name="deliver_webhook", created_at=harness.now, due_at=harness.now)
    for outcome in (Outcome(status_code=500, error="It broke."), Outcome(status_code=204)):
        with suppress(RetryLater):
            deliver(harness.services, task, ORG, job.job_id, 1, lambda *_, now=outcome: now)
        harness.now += timedelta(hours=1)

    exported = [span for span in harness.spans if span.name == "webhook"]
    stored = {span.span_id: span for span in stored_trace(harness, job.job_id).spans if span.name == "webhook"}
    (whole,) = [span for span in harness.spans if span.name == "job"]
    assert {f"{span.context.span_id:016x}" for span in exported} == stored.keys()
    assert {span.parent.span_id for span in exported if span.parent} == {whole.context.span_id}
    assert [span.outcome for span in stored.values()] == ["failed", "delivered"]
    assert [(span.attributes or {})["http.response.status_code"] for span in exported] == [500, 204]
    assert [span.status.is_ok for span in exported] == [False, True]


def test_a_job_that_is_unknown_has_no_trace() -> None:
    assert TracedHarness().client.get("/jobs/unknown/trace").status_code == 404
