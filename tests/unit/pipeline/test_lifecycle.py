"""Cancel, retry and delayed start at every step of a job, over the in-memory storage."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.errors import Conflict, NotFound, NotMedia
from shared.domain.message import QUEUES, StageMessage, StepKind
from shared.domain.stage import Stage, StageState
from shared.domain.step_run import STEPS
from shared.job_status import JobStatus
from shared.pipeline.context import StepContext
from shared.pipeline.execution.cancel import cancel_job
from shared.pipeline.execution.heartbeat import Heartbeat
from shared.pipeline.execution.run_step import Delivery, run_step
from shared.pipeline.execution.sweep import sweep
from shared.pipeline.jobs.submit import retry_job
from shared.storage.ports import RESULTS, BlobFacts
from tests.support.scripted_store import instead

ALL_STEPS = [(stage, step) for stage in Stage for step in STEPS[stage]]


def run_until(harness: Any, stage: Stage, step: StepKind) -> StageMessage:
    """Runs everything else until the step's message waits, and takes it out."""
    for _ in range(20):
        for message in harness.take():
            if (message.stage, message.step) == (stage, step):
                return message
            run_step(harness.services, message, Delivery(f"m-{harness.now}", 1))
    raise AssertionError(f"{stage} {step} was never asked for")


def beats(harness: Any, job: Any, context: StepContext) -> Callable[[], None]:
    """What the heartbeat's thread does every second, called by the test instead."""
    row = next(
        stored
        for stored in harness.storage.step_runs.of_job(job.job_id, context.message.stage)
        if stored.value.step is context.message.step and stored.value.number == context.message.part
    )
    return Heartbeat(harness.services, harness.job(job), row).beat


@pytest.mark.parametrize(("stage", "step"), ALL_STEPS)
def test_a_queued_job_is_canceled_at_once_and_its_messages_are_withdrawn(
    harness: Any, stage: Stage, step: StepKind
) -> None:
    harness.parts = {Stage.TRANSCRIPTION: 3, Stage.TRACKING: 2}
    job = harness.submit()
    message = run_until(harness, stage, step)

    canceled = cancel_job(harness.services, job.org_id, job.job_id)

    assert canceled.status is JobStatus.CANCELED
    assert canceled.cancel_requested
    assert canceled.finished_at is not None
    assert harness.storage.queues.waiting() == []
    assert list(harness.storage.jobs.all_active()) == []
    run_step(harness.services, message, Delivery("late", 1))
    assert harness.ran[stage, step, message.part] == 0


@pytest.mark.parametrize(("stage", "step"), ALL_STEPS)
def test_work_that_is_under_way_stops_and_then_the_job_is_canceled(harness: Any, stage: Stage, step: StepKind) -> None:
    seen: list[JobStatus] = []

    def cancel_meanwhile(context: StepContext) -> None:
        harness.storage.blobs.write(RESULTS, context.work_blob("transcript.json"), b"half", "application/json")
        seen.append(cancel_job(harness.services, job.org_id, job.job_id).status)
        beats(harness, job, context)()

    harness.instead[stage, step] = cancel_meanwhile
    job = harness.submit()
    message = run_until(harness, stage, step)
    run_step(harness.services, message, Delivery("running", 1))

    assert seen[0].is_final is False
    assert harness.job(job).status is JobStatus.CANCELED
    assert list(harness.storage.blobs.listing(RESULTS, f"acme/{job.session_id}/{job.job_id}/transcript.")) == []
    assert harness.storage.queues.waiting() == []
    assert StageState.RUNNING not in {progress.state for progress in harness.job(job).stages.values()}


@pytest.mark.parametrize(("stage", "step"), ALL_STEPS)
def test_a_canceled_job_goes_on_where_it_stopped_when_it_is_tried_again(
    harness: Any, stage: Stage, step: StepKind
) -> None:
    harness.parts = {Stage.TRANSCRIPTION: 3, Stage.TRACKING: 2}
    job = harness.submit()
    stale = run_until(harness, stage, step)
    cancel_job(harness.services, job.org_id, job.job_id)
    before = harness.ran.copy()

    again = retry_job(harness.services, job.org_id, job.job_id)

    assert again.attempt == 2
    assert not again.cancel_requested
    assert again.finished_at is None
    run_step(harness.services, stale, Delivery("stale", 1))
    assert harness.ran == before
    harness.drain()
    assert harness.job(job).status is JobStatus.DONE
    assert set(harness.ran.values()) == {1}


@pytest.mark.parametrize(("stage", "step"), ALL_STEPS)
def test_a_failed_job_keeps_its_finished_parts_when_it_is_tried_again(
    harness: Any, stage: Stage, step: StepKind
) -> None:
    harness.parts = {Stage.TRANSCRIPTION: 2, Stage.TRACKING: 2}

    def refuse(context: StepContext) -> None:
        raise NotMedia("talk.mp4 is a text file.")

    harness.instead[stage, step] = refuse
    job = harness.submit()
    harness.drain()
    failed = harness.job(job)
    assert failed.status is JobStatus.ERROR
    done = {key for key, times in harness.ran.items() if key[:2] != (stage, step)}
    harness.instead.clear()

    again = retry_job(harness.services, job.org_id, job.job_id)

    assert again.error is None
    assert again.progress < 1
    harness.drain()
    assert harness.job(job).status is JobStatus.DONE
    assert {harness.ran[key] for key in done} <= {1}
    events = harness.storage.jobs.events(job.org_id, job.job_id)
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))


@pytest.mark.parametrize("action", [cancel_job, retry_job])
def test_a_job_that_is_done_can_neither_be_canceled_nor_tried_again(harness: Any, action: Callable[..., Any]) -> None:
    job = harness.submit()
    harness.drain()
    with pytest.raises(Conflict, match="DONE"):
        action(harness.services, job.org_id, job.job_id)


@pytest.mark.parametrize("action", [cancel_job, retry_job])
def test_a_job_that_is_not_there_can_neither_be_canceled_nor_tried_again(
    harness: Any, action: Callable[..., Any]
) -> None:
    with pytest.raises(NotFound):
        action(harness.services, "acme", "nothing")


def test_a_job_under_way_cannot_be_tried_again(harness: Any) -> None:
    job = harness.submit()
    with pytest.raises(Conflict, match="CREATED"):
        retry_job(harness.services, job.org_id, job.job_id)


def test_the_sweep_ends_a_canceled_job_whose_worker_crashed(harness: Any) -> None:
    def crash(context: StepContext) -> None:
        raise KeyboardInterrupt

    harness.instead[Stage.DOWNLOAD, StepKind.PART] = crash
    job = harness.submit()
    (message,) = harness.take()
    with pytest.raises(KeyboardInterrupt):
        run_step(harness.services, message, Delivery("killed", 1))
    assert cancel_job(harness.services, job.org_id, job.job_id).status is JobStatus.CREATED
    sweep(harness.services)
    assert harness.job(job).status is JobStatus.CREATED

    harness.now += timedelta(seconds=harness.services.settings.stale_after_sec)
    sweep(harness.services)

    assert harness.job(job).status is JobStatus.CANCELED
    assert harness.storage.queues.waiting() == []


def test_a_worker_that_was_silent_for_long_does_not_disturb_the_next_attempt(harness: Any) -> None:
    def wake_up_late(context: StepContext) -> None:
        harness.now += timedelta(seconds=harness.services.settings.stale_after_sec)
        beat = beats(harness, job, context)
        cancel_job(harness.services, job.org_id, job.job_id)
        retry_job(harness.services, job.org_id, job.job_id)
        harness.instead.clear()
        harness.drain()
        beat()

    harness.instead[Stage.TRANSCRIPTION, StepKind.PART] = wake_up_late
    job = harness.submit()
    run_step(harness.services, run_until(harness, Stage.TRANSCRIPTION, StepKind.PART), Delivery("silent", 1))

    done = harness.job(job)
    assert done.status is JobStatus.DONE
    assert done.attempt == 2
    rows = harness.storage.step_runs.of_job(job.job_id, Stage.TRANSCRIPTION)
    assert {stored.value.state for stored in rows} == {StageState.DONE}


@pytest.mark.parametrize(("store", "operation"), [("step_runs", "of_job"), ("queues", "send")])
def test_a_retry_that_crashed_before_its_messages_is_sent_by_the_sweep(
    harness: Any, store: str, operation: str
) -> None:
    harness.parts = {Stage.TRANSCRIPTION: 2, Stage.TRACKING: 2}
    job = harness.submit()
    run_until(harness, Stage.TRANSCRIPTION, StepKind.MERGE)
    cancel_job(harness.services, job.org_id, job.job_id)

    def crash(*_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        retry_job(instead(harness.services, store, **{operation: crash}), job.org_id, job.job_id)

    assert harness.job(job).attempt == 2  # which the crash came after
    harness.now += timedelta(minutes=1)
    sweep(harness.services)
    harness.drain()

    assert harness.job(job).status is JobStatus.DONE


@pytest.mark.parametrize("delay", [timedelta(minutes=5), timedelta(days=40)])
def test_a_job_begins_at_its_time_and_not_before(harness: Any, delay: timedelta) -> None:
    job = harness.submit(start_at=harness.now + delay)
    harness.now += delay - timedelta(minutes=1)
    sweep(harness.services)
    assert harness.take() == []
    assert harness.job(job).status is JobStatus.CREATED

    harness.now += timedelta(minutes=1, seconds=1)
    sweep(harness.services)
    messages = harness.take()
    assert len(messages) == 1
    for message in messages:
        run_step(harness.services, message, Delivery("first", 1))
    harness.drain()
    assert harness.job(job).status is JobStatus.DONE


def test_a_job_that_waits_for_its_time_is_canceled_without_a_trace_in_the_queue(harness: Any) -> None:
    job = harness.submit(start_at=harness.now + timedelta(hours=1))
    assert len(harness.storage.queues.waiting(QUEUES[Stage.DOWNLOAD])) == 1
    assert cancel_job(harness.services, job.org_id, job.job_id).status is JobStatus.CANCELED
    assert harness.storage.queues.waiting() == []


def test_a_cancel_that_comes_late_leaves_the_next_attempt_alone(harness: Any) -> None:
    job = harness.submit()
    run_until(harness, Stage.TRANSCRIPTION, StepKind.MERGE)
    name = f"acme/{job.session_id}/{job.job_id}/transcript.json"
    harness.storage.blobs.write(RESULTS, name, b"of the first attempt", "application/json")
    looked: list[list[str]] = []

    def overtaken(container: str, prefix: str) -> Iterator[BlobFacts]:
        found = list(harness.storage.blobs.listing(container, prefix))
        looked.append([blob.name for blob in found])
        if len(looked) == 1:
            cancel_job(harness.services, "acme", job.job_id)
            retry_job(harness.services, "acme", job.job_id)
            harness.storage.blobs.write(RESULTS, name, b"of the second attempt", "application/json")
        return iter(found)

    late = cancel_job(instead(harness.services, "blobs", listing=overtaken), "acme", job.job_id)

    assert name in looked[0]
    assert (late.attempt, late.is_final) == (2, False)
    assert harness.storage.blobs.read(RESULTS, name) == b"of the second attempt"
    assert {message.attempt for message in harness.storage.queues.waiting()} == {2}
    harness.drain()
    assert harness.job(job).status is JobStatus.DONE


def test_once_every_stage_is_over_it_is_too_late_to_cancel(harness: Any) -> None:
    job, write, refused = harness.submit(), harness.storage.blobs.write, list[str]()

    def cancel_before(container: str, name: str, *content: Any, **more: Any) -> Any:
        if name.endswith("/sidecar.json"):
            with pytest.raises(Conflict, match="too late") as conflict:
                cancel_job(harness.services, "acme", job.job_id)
            refused.append(conflict.value.code)
        return write(container, name, *content, **more)

    harness.services = instead(harness.services, "blobs", write=cancel_before)
    harness.drain()
    assert refused
    done = harness.job(job)
    assert (done.status, done.cancel_requested) == (JobStatus.DONE, False)


def test_a_wish_that_comes_while_the_last_stage_ends_is_too_late(harness: Any) -> None:
    def wish(context: StepContext) -> None:
        cancel_job(harness.services, "acme", job.job_id)

    job = harness.submit()
    last = list(Stage)[-1]
    message = run_until(harness, last, StepKind.MERGE)
    harness.drain()
    harness.instead[last, StepKind.MERGE] = wish
    run_step(harness.services, message, Delivery("last", 1))
    ended = harness.job(job)
    assert (ended.status, ended.cancel_requested) == (JobStatus.DONE, True)


def test_a_job_of_a_session_that_is_on_its_way_out_is_not_tried_again(harness: Any) -> None:
    job = harness.submit()
    cancel_job(harness.services, "acme", job.job_id)
    stored = harness.storage.sessions.get("acme", job.session_id)
    harness.storage.sessions.update(stored, stored.value.evolve(deleted_at=harness.now))
    with pytest.raises(NotFound):
        retry_job(harness.services, "acme", job.job_id)


def test_the_sweep_does_nothing_for_a_job_whose_time_is_far_away(
    harness: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    harness.submit(start_at=harness.now + timedelta(days=40))
    assert sweep(harness.services) == 0
    assert "sent again" not in caplog.text
