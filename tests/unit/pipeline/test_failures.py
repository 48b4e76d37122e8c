"""A job's history tells of every failed attempt at its steps, whether it was made good or ended the job."""

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.errors import BlobMissing, NotMedia, StorageUnavailable
from shared.domain.failure import MAX_FAILURES
from shared.domain.message import StageMessage, StepKind
from shared.domain.stage import Stage, StageState
from shared.job_status import JobStatus
from shared.pipeline.execution.failure import handle_poison_message
from shared.pipeline.execution.run_step import Delivery, run_step
from shared.pipeline.execution.sweep import sweep
from shared.pipeline.jobs.submit import retry_job
from shared.storage.ports import SOURCES

PART = (Stage.TRACKING, StepKind.PART)


class ProcessKilled(BaseException):
    """What ends a process."""


def crash(context: Any) -> None:
    raise ProcessKilled


def fail_late(harness: Any, message: StageMessage, error: Exception) -> None:
    """Stands still until others have ended the job without it, and then fails."""
    turns = iter([True, False])

    def stand_still(context: Any) -> None:
        if next(turns):
            harness.now += timedelta(minutes=5)
            run_step(harness.services, message, Delivery("other", 1))
            harness.drain()
            raise error

    harness.instead[Stage.DOWNLOAD, StepKind.PART] = stand_still
    run_step(harness.services, message, Delivery("first", 1))


def go_on(harness: Any, job: Any) -> Any:
    """Time goes by, with its rests, until the job has ended."""
    for _ in range(40):
        harness.drain()
        if harness.job(job).is_final:
            break
        harness.now += timedelta(minutes=5)
        sweep(harness.services)
    return harness.job(job)


def test_what_was_made_good_stays_in_the_history(harness: Any) -> None:
    errors = [StorageUnavailable("The storage account did not answer for the table."), ValueError("secret text")]

    def fail(context: Any) -> None:
        if errors:
            raise errors.pop(0)

    harness.instead[PART] = fail
    done = go_on(harness, job := harness.submit())
    assert (done.status, done.error) == (JobStatus.DONE, None)
    first, second = done.failures
    assert (first.code, first.title, first.detail) == (
        "storage_unavailable",
        "The storage account did not answer",
        "The storage account did not answer for the table.",
    )
    assert (first.stage, first.step, first.part, first.attempt, first.job_attempt) == (*PART, 0, 1, 1)
    assert (second.code, second.detail, second.attempt) == ("internal_error", "An internal error (ValueError).", 2)
    assert first.retryable
    assert second.retryable
    assert job.created_at < first.at < second.at < harness.now


def test_the_failure_that_ended_the_job_is_the_last_one_and_a_retry_keeps_it(harness: Any) -> None:
    def refuse(context: Any) -> None:
        raise NotMedia("It is a text file.")

    harness.instead[PART] = refuse
    ended = go_on(harness, harness.submit())
    assert (ended.status, ended.error.code) == (JobStatus.ERROR, "not_media")
    [failure] = ended.failures
    assert (failure.code, failure.retryable, failure.detail) == ("not_media", False, "It is a text file.")
    harness.instead.clear()
    retry_job(harness.services, ended.org_id, ended.job_id)
    done = go_on(harness, ended)
    assert (done.status, done.error, done.attempt, done.failures) == (JobStatus.DONE, None, 2, (failure,))


def test_a_step_that_was_tried_in_vain_tells_of_each_attempt(harness: Any) -> None:
    def fail(context: Any) -> None:
        raise ValueError("again")

    harness.instead[PART] = fail
    ended = go_on(harness, harness.submit())
    assert ended.error.code == "stage_exhausted"
    assert [each.attempt for each in ended.failures] == [1, 2, 3, 4, 5]
    events = harness.storage.jobs.events(ended.org_id, ended.job_id)
    assert [event.type for event in events].count("error") == 1
    assert events[-1].status is JobStatus.ERROR


def test_only_the_latest_are_kept(harness: Any) -> None:
    def fail(context: Any) -> None:
        raise ValueError("again")

    harness.instead[PART] = fail
    job = harness.submit()
    for _ in range(6):
        ended = go_on(harness, job)
        retry_job(harness.services, ended.org_id, ended.job_id)
    ended = go_on(harness, job)
    assert len(ended.failures) == MAX_FAILURES
    assert [each.job_attempt for each in ended.failures] == [number for number in (4, 5, 6, 7) for _ in range(5)]


@pytest.mark.parametrize("message_id", ["same", "other"])
def test_a_crashed_worker_is_in_the_history_when_its_step_is_taken_over(harness: Any, message_id: str) -> None:
    job = harness.submit()
    [message] = harness.take()

    harness.instead[Stage.DOWNLOAD, StepKind.PART] = crash
    with pytest.raises(ProcessKilled):
        run_step(harness.services, message, Delivery("same", 1))
    harness.instead.clear()
    harness.now += timedelta(minutes=5)
    run_step(harness.services, message, Delivery(message_id, 2))
    done = go_on(harness, job)
    assert done.status is JobStatus.DONE
    [failure] = done.failures
    assert (failure.code, failure.stage, failure.attempt) == ("worker_died", Stage.DOWNLOAD, 1)


def test_a_late_failure_of_an_attempt_that_was_given_up_is_not_told_twice(harness: Any) -> None:
    """It stood still, another delivery took over, and then it fails."""
    job = harness.submit()
    [message] = harness.take()
    fail_late(harness, message, ValueError("late"))
    done = go_on(harness, job)
    assert done.status is JobStatus.DONE
    assert [each.code for each in done.failures] == ["worker_died"]


def test_the_last_crash_is_recorded_when_the_message_is_poison(harness: Any) -> None:
    job = harness.submit()
    [message] = harness.take()

    harness.instead[Stage.DOWNLOAD, StepKind.PART] = crash
    for number in range(1, 6):
        with pytest.raises(ProcessKilled):
            run_step(harness.services, message, Delivery("same", number))
    harness.now += timedelta(minutes=5)
    handle_poison_message(harness.services, message)
    ended = harness.job(job)
    assert ended.error.code == "stage_exhausted"
    assert [(each.code, each.attempt) for each in ended.failures] == [("worker_died", n) for n in range(1, 6)]


def test_who_lost_its_step_has_nothing_made_again(harness: Any) -> None:
    """It stood still, others ended the job, and then it misses a blob that the job no longer needs."""
    job = harness.submit()
    [message] = harness.take()
    fail_late(harness, message, BlobMissing.of(SOURCES, f"acme/{job.session_id}/talk.mp4"))
    assert harness.job(job).status is JobStatus.DONE
    assert {row.value.state for row in harness.storage.step_runs.of_job(job.job_id)} == {StageState.DONE}
    assert harness.take() == []
