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
def house(new_house: Any, pauses: list[float]) -> Any:
    """A pipeline of several parts that runs inside the request."""
    made = new_house(parts={Stage.TRANSCRIPTION: 3, Stage.TRACKING: 2})
    made.services = inline_services(made.services, pauses.append)
    return made


def test_the_job_is_done_when_the_request_is_answered(house: Any) -> None:
    job = house.submit()
    assert house.job(job).status is JobStatus.DONE
    assert set(house.ran.values()) == {1}
    assert house.storage.queues.waiting() == []


def test_a_failure_that_passes_is_tried_again_after_growing_pauses(house: Any, pauses: list[float]) -> None:
    def stumble_twice(context: StepContext) -> None:
        if house.ran[Stage.DOWNLOAD, StepKind.PART, 0] < 3:
            raise SourceUnavailable("The server answered 503.")

    house.instead[Stage.DOWNLOAD, StepKind.PART] = stumble_twice
    assert house.job(house.submit()).status is JobStatus.DONE
    assert pauses == [1.0, 2.0]


def test_a_failure_that_stays_ends_the_job(house: Any, pauses: list[float]) -> None:
    def stumble(context: StepContext) -> None:
        raise SourceUnavailable("The server answered 503.")

    house.instead[Stage.TRACKING, StepKind.PREPARE] = stumble
    job = house.job(house.submit())
    assert (job.status, job.error.code) == (JobStatus.ERROR, "stage_exhausted")
    assert len(pauses) == MAX_DELIVERIES - 1


def test_a_retry_runs_inside_the_request_too(house: Any) -> None:
    def refuse(context: StepContext) -> None:
        raise NotMedia("A text file.")

    house.instead[Stage.TRANSCRIPTION, StepKind.MERGE] = refuse
    job = house.submit()
    assert house.job(job).status is JobStatus.ERROR
    house.instead.clear()
    assert retry_job(house.services, job.org_id, job.job_id).status is JobStatus.DONE


def test_what_is_to_begin_later_waits_in_the_queue(house: Any) -> None:
    job = house.submit(start_at=house.now + timedelta(hours=1))
    assert house.job(job).status is JobStatus.CREATED
    assert len(house.storage.queues.waiting()) == 1
    cancel_job(house.services, job.org_id, job.job_id)
    assert house.storage.queues.waiting() == []


@pytest.mark.parametrize("delay", [None, timedelta(hours=1), timedelta(days=90)])
def test_a_queued_job_is_processed_here_and_now(new_house: Any, delay: timedelta | None) -> None:
    house = new_house(parts={Stage.TRANSCRIPTION: 3, Stage.TRACKING: 2})
    job = submit_url(house.services, JobRequest(org_id="acme", start_at=delay and house.now + delay), URL)
    done = process_job(house.services, "acme", job.job_id)
    assert done.status is JobStatus.DONE
    assert house.storage.queues.waiting() == []


@pytest.mark.parametrize("taken", range(8))
def test_a_job_that_broke_off_is_processed_to_its_end(new_house: Any, taken: int) -> None:
    house = new_house(parts={Stage.TRANSCRIPTION: 2, Stage.TRACKING: 2})
    job = house.submit()
    for number in range(taken):
        message = house.storage.queues.pop()
        if number < taken - 1:  # the last one is lost with its worker
            run_step(house.services, message, Delivery(f"m{number}", 1))
    assert process_job(house.services, "acme", job.job_id).status is JobStatus.DONE
    assert set(house.ran.values()) == {1}


def test_a_job_that_has_ended_is_left_as_it_is(new_house: Any) -> None:
    house = new_house()
    job = house.submit()
    canceled = cancel_job(house.services, job.org_id, job.job_id)
    assert process_job(house.services, "acme", job.job_id) == canceled
    with pytest.raises(NotFound):
        process_job(house.services, "acme", "nothing")
