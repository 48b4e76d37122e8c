"""One trace a job over all its hops: parents, links and attributes, through a retry, a crash and a dead letter."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from shared.domain.errors import NotMedia
from shared.domain.message import StepKind
from shared.domain.stage import Stage
from shared.job_status import JobStatus
from shared.pipeline.context import ContinueLater
from shared.pipeline.execution.run_step import Delivery, run_step
from shared.pipeline.execution.sweep import sweep
from shared.pipeline.housekeeping.gauges import set_gauges
from tests.support.traced_harness import CALLER, ORG, TRACE, TracedHarness, away

TRACKING_PART = (Stage.TRACKING, StepKind.PART)


class ProcessKilled(BaseException):
    """What ends a process."""


def killed(context: Any) -> None:
    raise ProcessKilled


def span_id(span: ReadableSpan) -> int:
    return span.get_span_context().span_id


def parent_id(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent else None


def linked(span: ReadableSpan) -> list[int]:
    return [link.context.span_id for link in span.links]


def named(spans: Sequence[ReadableSpan], name: str) -> list[ReadableSpan]:
    return [span for span in spans if span.name == name]


def facts(span: ReadableSpan) -> dict[str, Any]:
    return {key.removeprefix("rostrum."): value for key, value in (span.attributes or {}).items()}


def test_every_step_is_in_the_trace_of_the_request() -> None:
    harness = TracedHarness(parts={Stage.TRANSCRIPTION: 3, Stage.TRACKING: 2})
    job = harness.post(CALLER)
    harness.drain()
    assert harness.job(job).status is JobStatus.DONE
    spans = harness.spans

    assert {f"{span.get_span_context().trace_id:032x}" for span in spans} == {TRACE}
    assert len({span_id(span) for span in spans}) == len(spans)
    (request,) = named(spans, "POST /jobs")
    (whole,) = named(spans, "job")
    (download,) = named(spans, "download part")
    parts = named(spans, "transcription part")
    (merge,) = named(spans, "transcription merge")
    (prepare,) = named(spans, "tracking prepare")
    tracked = named(spans, "tracking part")
    steps = [span for span in spans if "stage" in facts(span)]

    assert parent_id(request) == int("00f067aa0ba902b7", 16)
    assert parent_id(whole) == span_id(request)
    assert {parent_id(step) for step in steps} == {span_id(whole)}
    assert linked(download) == []
    assert [linked(part) for part in parts] == [[span_id(download)]] * 3
    assert linked(merge) == [span_id(part) for part in sorted(parts, key=lambda each: facts(each)["part"])]
    assert linked(prepare) == [span_id(download)]
    assert [linked(part) for part in tracked] == [[span_id(prepare)]] * 2
    assert sorted(facts(part)["part"] for part in parts) == [0, 1, 2]
    assert {facts(step)["outcome"] for step in steps} == {"done"}
    assert {step.kind for step in steps} == {SpanKind.CONSUMER}
    assert facts(merge) == {
        "job.id": job.job_id,
        "job.attempt": 1,
        "session.id": job.session_id,
        "organisation.id": ORG,
        "stage": "transcription",
        "step": "merge",
        "part": 0,
        "attempt": 1,
        "outcome": "done",
        "messaging.destination.name": "transcriptions",
    }
    assert facts(request)["job.id"] == job.job_id
    assert facts(request)["http.response.status_code"] == 202
    assert facts(whole)["status"] == "DONE"
    assert all(
        whole.start_time <= step.start_time < step.end_time <= whole.end_time  # type: ignore[operator]
        for step in steps
    )


def test_a_request_without_a_trace_begins_one() -> None:
    harness = TracedHarness()
    harness.post()
    harness.drain()

    (request,) = named(harness.spans, "POST /jobs")
    assert request.parent is None
    assert len({span.get_span_context().trace_id for span in harness.spans}) == 1


def test_a_job_of_an_earlier_release_has_one_trace_too() -> None:
    harness = TracedHarness()
    job = harness.submit()
    assert job.traceparent is None
    harness.drain()

    assert len({span.get_span_context().trace_id for span in harness.spans}) == 1
    (whole,) = named(harness.spans, "job")
    assert whole.parent is None
    assert {parent_id(span) for span in harness.spans if span is not whole} == {span_id(whole)}


def test_a_request_that_is_not_sampled_has_no_span_and_its_job_neither() -> None:
    harness = TracedHarness()
    harness.post(CALLER[:-2] + "00")
    harness.drain()

    assert harness.spans == []


def test_a_failed_and_a_crashed_attempt_are_in_the_trace() -> None:
    harness = TracedHarness(parts={Stage.TRANSCRIPTION: 1, Stage.TRACKING: 1})
    job = harness.post(CALLER)
    harness.instead[TRACKING_PART] = away
    harness.drain()
    harness.instead[TRACKING_PART] = killed
    harness.now += timedelta(hours=1)
    crash_next(harness)
    harness.instead.clear()
    harness.now += timedelta(hours=1)
    sweep(harness.services)
    harness.drain()

    assert harness.job(job).status is JobStatus.DONE
    attempts = sorted(named(harness.spans, "tracking part"), key=lambda span: facts(span)["attempt"])
    (merge,) = named(harness.spans, "tracking merge")
    (whole,) = named(harness.spans, "job")
    assert [facts(span)["outcome"] for span in attempts] == ["failed", "crashed", "done"]
    assert [facts(span).get("error.type") for span in attempts] == ["storage_unavailable", "worker_died", None]
    assert [span.status.status_code for span in attempts] == [StatusCode.ERROR, StatusCode.ERROR, StatusCode.UNSET]
    assert len({span_id(span) for span in attempts}) == 3
    assert {parent_id(span) for span in attempts} == {span_id(whole)}
    assert linked(merge) == [span_id(attempts[-1])]
    failures = {key["error.type"]: count for key, count in harness.metrics()["rostrum.step.failures"]}
    assert failures == {"storage_unavailable": 1, "worker_died": 1}


def crash_next(harness: TracedHarness) -> None:
    """The workers of what waits now are killed at work."""
    sweep(harness.services)
    for number, message in enumerate(harness.take()):
        try:
            run_step(harness.services, message, Delivery(f"doomed{number}-{harness.now}", 1))
        except ProcessKilled:
            continue


def test_a_dead_letter_and_the_retry_after_it_are_in_the_trace() -> None:
    harness = TracedHarness(parts={Stage.TRANSCRIPTION: 1, Stage.TRACKING: 1})
    job = harness.post(CALLER)
    harness.instead[TRACKING_PART] = away
    for _ in range(5):
        harness.drain()
        harness.now += timedelta(hours=1)
    assert harness.job(job).status is JobStatus.ERROR
    (letter,) = named(harness.spans, "dead letter")
    attempts = named(harness.spans, "tracking part")
    (failed,) = named(harness.spans, "job")

    assert [facts(span)["outcome"] for span in attempts] == ["failed"] * 4 + ["given_up"]
    assert linked(letter) == [span_id(attempts[-1])]
    assert parent_id(letter) == span_id(failed)
    assert facts(letter)["messaging.destination.name"] == "trackings-poison"
    assert facts(failed)["status"] == "ERROR"
    assert failed.status.status_code is StatusCode.ERROR

    harness.instead.clear()
    harness.client.post(f"/jobs/{job.job_id}/retry")
    harness.drain()
    (_, again) = named(harness.spans, "job")
    assert harness.job(job).status is JobStatus.DONE
    assert linked(again) == [span_id(failed)]
    assert parent_id(again) == parent_id(failed)
    assert again.start_time > failed.end_time  # type: ignore[operator]
    assert f"{again.get_span_context().trace_id:032x}" == TRACE
    last = named(harness.spans, "tracking part")[-1]
    assert parent_id(last) == span_id(again)
    assert facts(last)["job.attempt"] == 2


def test_a_step_whose_workers_crash_each_time_leaves_a_dead_letter_with_a_link() -> None:
    harness = TracedHarness(parts={Stage.TRANSCRIPTION: 1, Stage.TRACKING: 1})
    job = harness.post(CALLER)
    harness.instead[Stage.DOWNLOAD, StepKind.PART] = killed
    for _ in range(6):
        crash_next(harness)
        harness.now += timedelta(hours=1)

    assert harness.job(job).status is JobStatus.ERROR
    crashed = named(harness.spans, "download part")
    (letter,) = named(harness.spans, "dead letter")
    assert [facts(span)["outcome"] for span in crashed] == ["crashed"] * 5
    assert linked(letter) == [span_id(crashed[-1])]


def test_a_recording_that_is_no_media_ends_its_job_at_once() -> None:
    harness = TracedHarness()

    def refuse(context: Any) -> None:
        raise NotMedia("It is a text.")

    harness.instead[Stage.DOWNLOAD, StepKind.PART] = refuse
    harness.post(CALLER)
    harness.drain()

    (download,) = named(harness.spans, "download part")
    assert facts(download)["outcome"] == "given_up"
    assert facts(download)["error.type"] == "not_media"
    assert named(harness.spans, "dead letter") == []


def test_a_foreign_exceptions_text_stays_in_the_log() -> None:
    harness = TracedHarness()

    def fail(context: Any) -> None:
        raise ValueError("https://account.example/sources/talk.mp4?sig=c2VjcmV0")

    harness.instead[Stage.DOWNLOAD, StepKind.PART] = fail
    harness.post(CALLER)
    harness.drain()

    (download,) = named(harness.spans, "download part")
    assert facts(download)["outcome"] == "failed"
    assert download.status.description == "An internal error (ValueError)."
    assert "sig=" not in "".join(span.to_json() for span in harness.spans)


def test_a_download_that_goes_on_in_another_invocation_has_a_span_for_each() -> None:
    harness = TracedHarness()
    rests = iter([True, False])

    def continue_once(context: Any) -> None:
        if next(rests):
            raise ContinueLater

    harness.instead[Stage.DOWNLOAD, StepKind.PART] = continue_once
    harness.post(CALLER)
    harness.drain()

    downloads = named(harness.spans, "download part")
    first = named(harness.spans, "transcription part")[0]
    assert [facts(span)["outcome"] for span in downloads] == ["continued", "done"]
    assert len({span_id(span) for span in downloads}) == 2
    assert linked(first) == [span_id(downloads[-1])]


def test_jobs_stages_and_queues_are_measured() -> None:
    harness = TracedHarness(parts={Stage.TRANSCRIPTION: 2, Stage.TRACKING: 1})
    harness.post(CALLER)
    set_gauges(harness.services)
    set_gauges(harness.services)  # too soon: nothing is counted twice
    waiting = harness.metrics()
    harness.drain()
    done = harness.metrics()

    queues = {key["messaging.destination.name"]: count for key, count in waiting["rostrum.queue.waiting"]}
    assert queues["downloads"] == 1
    assert {key["rostrum.status"]: count for key, count in waiting["rostrum.jobs.active"]}["CREATED"] == 1
    assert done["rostrum.jobs.accepted"] == [({"rostrum.again": False}, 1)]
    assert done["rostrum.jobs.ended"] == [({"rostrum.status": "DONE"}, 1)]
    took = {key["rostrum.stage"]: seconds for key, seconds in done["rostrum.stage.duration"]}
    factors = {key["rostrum.stage"]: factor for key, factor in done["rostrum.stage.realtime_factor"]}
    assert {"download", "transcription", "tracking"} <= took.keys()
    assert factors["transcription"] == took["transcription"]  # of a recording of one second
    assert {key["rostrum.outcome"] for key, _ in done["rostrum.step.duration"]} == {"done"}
