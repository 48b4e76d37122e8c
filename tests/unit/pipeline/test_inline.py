"""The whole chain in one process, over the in-memory storage."""

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.errors import NotFound, NotMedia, SourceUnavailable
from shared.domain.message import StepKind
from shared.domain.stage import Stage
from shared.job_status import JobStatus
from shared.pipeline.context import StepContext
from shared.pipeline.execution.cancel import cancel_job
from shared.pipeline.execution.run_step import Delivery, run_step
from shared.pipeline.inline import MAX_DELIVERIES, inline_services, process_job
from shared.pipeline.jobs.submit import JobRequest, retry_job, submit_url

URL = "https://example.com/talk.mp4"


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def harness(new_harness: Any, pauses: list[float]) -> Any:
    """A pipeline of several parts that runs inside the request."""
    made = new_harness(parts={Stage.TRANSCRIPTION: 3, Stage.TRACKING: 2})
    made.services = inline_services(made.services, pauses.append)
    return made


def test_the_job_is_done_when_the_request_is_answered(harness: Any) -> None:
    job = harness.submit()
    assert harness.job(job).status is JobStatus.DONE
    assert set(harness.ran.values()) == {1}
    assert harness.storage.queues.waiting() == []


def test_a_failure_that_passes_is_tried_again_after_growing_pauses(harness: Any, pauses: list[float]) -> None:
    def stumble_twice(context: StepContext) -> None:
        if harness.ran[Stage.DOWNLOAD, StepKind.PART, 0] < 3:
            raise SourceUnavailable("The server answered 503.")

    harness.instead[Stage.DOWNLOAD, StepKind.PART] = stumble_twice
    assert harness.job(harness.submit()).status is JobStatus.DONE
    assert pauses == [1.0, 2.0]


def test_a_failure_that_stays_ends_the_job(harness: Any, pauses: list[float]) -> None:
    def stumble(context: StepContext) -> None:
        raise SourceUnavailable("The server answered 503.")

    harness.instead[Stage.TRACKING, StepKind.PREPARE] = stumble
    job = harness.job(harness.submit())
    assert (job.status, job.error.code) == (JobStatus.ERROR, "stage_exhausted")
    assert len(pauses) == MAX_DELIVERIES - 1


def test_a_retry_runs_inside_the_request_too(harness: Any) -> None:
    def refuse(context: StepContext) -> None:
        raise NotMedia("A text file.")

    harness.instead[Stage.TRANSCRIPTION, StepKind.MERGE] = refuse
    job = harness.submit()
    assert harness.job(job).status is JobStatus.ERROR
    harness.instead.clear()
    assert retry_job(harness.services, job.org_id, job.job_id).status is JobStatus.DONE


def test_what_is_to_begin_later_waits_in_the_queue(harness: Any) -> None:
    job = harness.submit(start_at=harness.now + timedelta(hours=1))
    assert harness.job(job).status is JobStatus.CREATED
    assert len(harness.storage.queues.waiting()) == 1
    cancel_job(harness.services, job.org_id, job.job_id)
    assert harness.storage.queues.waiting() == []


@pytest.mark.parametrize("delay", [None, timedelta(hours=1), timedelta(days=90)])
def test_a_queued_job_is_processed_here_and_now(new_harness: Any, delay: timedelta | None) -> None:
    harness = new_harness(parts={Stage.TRANSCRIPTION: 3, Stage.TRACKING: 2})
    job = submit_url(harness.services, JobRequest(org_id="acme", start_at=delay and harness.now + delay), URL)
    done = process_job(harness.services, "acme", job.job_id)
    assert done.status is JobStatus.DONE
    assert harness.storage.queues.waiting() == []


@pytest.mark.parametrize("taken", range(8))
def test_a_job_that_broke_off_is_processed_to_its_end(new_harness: Any, taken: int) -> None:
    harness = new_harness(parts={Stage.TRANSCRIPTION: 2, Stage.TRACKING: 2})
    job = harness.submit()
    for number in range(taken):
        message = harness.storage.queues.pop()
        if number < taken - 1:  # the last one is lost with its worker
            run_step(harness.services, message, Delivery(f"m{number}", 1))
    assert process_job(harness.services, "acme", job.job_id).status is JobStatus.DONE
    assert set(harness.ran.values()) == {1}


def test_a_job_that_has_ended_is_left_as_it_is(new_harness: Any) -> None:
    harness = new_harness()
    job = harness.submit()
    canceled = cancel_job(harness.services, job.org_id, job.job_id)
    assert process_job(harness.services, "acme", job.job_id) == canceled
    with pytest.raises(NotFound):
        process_job(harness.services, "acme", "nothing")
