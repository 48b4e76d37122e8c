"""Blobs that are gone while a job is at work: what made them is done again, and the job ends DONE all the same."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.domain.errors import BlobMissing
from shared.domain.job import Job
from shared.domain.message import StageMessage, StepKind
from shared.domain.options import JobOptions
from shared.domain.stage import Stage, StageState
from shared.job_status import JobStatus
from shared.pipeline.execution.lost_blobs import reset_producers
from shared.pipeline.execution.run_step import Delivery, run_step
from shared.pipeline.execution.sweep import sweep
from shared.pipeline.jobs.submit import JobRequest, submit_stored, submit_url
from shared.storage.ports import RESULTS, SOURCES, WORK
from tests.support.crashing_storage import StorageSnapshot
from tests.support.reading_harness import PLAN, Key, ReadingHarness, maker_of

PARTS = {Stage.TRANSCRIPTION: 2, Stage.TRACKING: 2, Stage.RENDITION: 2}
FEW_PARTS = {Stage.TRANSCRIPTION: 2, Stage.TRACKING: 1, Stage.RENDITION: 1}
REQUEST = JobRequest(org_id="acme", job_id="j", session_id="s", options=JobOptions(follow_cam=True))
URL = "https://example.com/talk.mp4"
PREFIX = "acme/s/j/"


def a_harness() -> ReadingHarness:
    harness = ReadingHarness(parts=dict(PARTS))
    submit_url(harness.services, REQUEST, URL)
    return harness


def the_job(harness: ReadingHarness) -> Job:
    return harness.storage.jobs.get("acme", "j").value


def deliver(harness: ReadingHarness, number: int) -> bool:
    """Whether there was a message to deliver."""
    message = harness.storage.queues.pop()
    if not isinstance(message, StageMessage):
        return False
    run_step(harness.services, message, Delivery(f"m{number}", 1))
    return True


@dataclass(frozen=True)
class Reached:
    """A job after so many messages."""

    storage: StorageSnapshot
    now: datetime
    counts: tuple[Counter[Key], Counter[Key], int]


def run_once() -> tuple[ReadingHarness, list[Reached], list[tuple[int, tuple[str, str]]]]:
    """Run a job; return it after each message, and every blob of it after every message before its end."""
    harness, reached, found = a_harness(), list[Reached](), list[tuple[int, tuple[str, str]]]()
    number = 0
    while True:
        counts = harness.ran.copy(), harness.made.copy(), harness.fetched
        reached.append(Reached(harness.crashing.snapshot(), harness.now, counts))
        if not deliver(harness, number):
            break
        number += 1
        if not the_job(harness).is_final:
            found += [(number, blob) for blob in sorted(harness.blobs())]
    assert the_job(harness).status is JobStatus.DONE
    return harness, reached, found


HARNESS, REACHED, MOMENTS = run_once()


def after(messages: int) -> ReadingHarness:
    """Return the harness with its job put back to where it was after so many messages."""
    reached = REACHED[messages]
    HARNESS.crashing.restore(reached.storage)
    HARNESS.now, HARNESS.fetched = reached.now, reached.counts[2]
    HARNESS.ran, HARNESS.made = reached.counts[0].copy(), reached.counts[1].copy()
    return HARNESS


def test_there_are_many_moments() -> None:
    assert len(MOMENTS) > 80
    assert {container for _, (container, _) in MOMENTS} == {SOURCES, WORK, RESULTS}


@pytest.mark.parametrize(("messages", "blob"), MOMENTS, ids=lambda value: str(value).replace("/", "_"))
def test_a_blob_that_is_lost_is_made_again_without_the_sweep(messages: int, blob: tuple[str, str]) -> None:
    harness = after(messages)
    harness.storage.blobs.delete(*blob)
    number = messages
    while deliver(harness, number):
        number += 1

    job = the_job(harness)
    assert job.status is JobStatus.DONE, job.error
    assert harness.history("acme", "j").count(JobStatus.DONE) == 1
    results = {name for container, name in harness.blobs() if container == RESULTS}
    assert {
        "transcript.txt",
        "instructor-tracking.json",
        "thumbnails/scene-0001.jpg",
        "follow.mp4",
        "sidecar.json",
    } <= {name.removeprefix(PREFIX) for name in results}
    for (stage, step, _), times in harness.made.items():
        assert times <= (2 if (stage, step) == maker_of(blob[1]) else 1)
    assert {row.value.state for row in harness.storage.step_runs.of_job("j")} == {StageState.DONE}


@pytest.mark.parametrize(
    ("container", "name", "before", "lost"),
    [
        pytest.param(WORK, "audio.wav", (Stage.TRANSCRIPTION, StepKind.PART), False, id="sound, redelivered"),
        pytest.param(WORK, "transcription/00001.json", (Stage.TRANSCRIPTION, StepKind.MERGE), True, id="part, lost"),
        pytest.param(WORK, PLAN, (Stage.TRACKING, StepKind.MERGE), True, id="plan, lost"),
    ],
)
def test_crash_before_every_write_while_a_lost_blob_is_made_again(
    container: str, name: str, before: tuple[Stage, StepKind], lost: bool
) -> None:
    harness = ReadingHarness(parts=dict(FEW_PARTS), loses=lambda: lost)

    def lose(context: Any) -> None:
        del harness.instead[before]
        harness.storage.blobs._blobs.pop((container, PREFIX + name))  # not a write of this process
        harness.crash_from_here()

    harness.instead[before] = lose
    harness.instead[Stage.RENDITION, StepKind.MERGE] = lambda context: harness.crash_to_here()
    crashes = 0
    for _ in harness.crash_everywhere(lambda: submit_url(harness.services, REQUEST, URL)):
        job = the_job(harness)
        assert job.status is JobStatus.DONE, job.error
        assert harness.history("acme", "j").count(JobStatus.DONE) == 1
        assert {row.value.state for row in harness.storage.step_runs.of_job("j")} == {StageState.DONE}
        crashes += 1
    assert crashes > 20


def test_a_source_that_came_from_an_address_is_fetched_again() -> None:
    harness = a_harness()
    deliver(harness, 0)
    harness.storage.blobs.delete(SOURCES, "acme/s/talk.mp4")
    number = 1
    while deliver(harness, number):
        number += 1
    assert (the_job(harness).status, harness.fetched) == (JobStatus.DONE, 2)


def test_a_source_that_is_lost_while_it_is_examined_is_fetched_again() -> None:
    harness = a_harness()

    def lose(context: Any) -> None:
        del harness.instead[Stage.DOWNLOAD, StepKind.PART]
        raise BlobMissing.of(SOURCES, context.session.source_blob)

    harness.instead[Stage.DOWNLOAD, StepKind.PART] = lose
    harness.live()
    assert the_job(harness).status is JobStatus.DONE
    assert [failure.code for failure in the_job(harness).failures] == ["not_found"]


def test_for_a_job_that_is_deleted_nothing_is_made_again() -> None:
    harness = a_harness()
    deliver(harness, 0)
    job = the_job(harness)
    harness.storage.step_runs.delete_of(job.job_id)
    harness.storage.jobs.delete(job.org_id, job.session_id, job.job_id)
    assert not reset_producers(harness.services, job, None, BlobMissing.of(WORK, PREFIX + "audio.wav"))
    assert not harness.storage.step_runs.of_job(job.job_id)


def test_a_lost_upload_ends_the_job_with_a_reason() -> None:
    harness = ReadingHarness(parts=dict(PARTS))
    harness.storage.blobs.write(SOURCES, "acme/s/talk.mp4", b"recording", "video/mp4")
    submit_stored(harness.services, REQUEST, "s", "talk.mp4")
    deliver(harness, 0)
    harness.storage.blobs.delete(SOURCES, "acme/s/talk.mp4")
    number = 1
    while deliver(harness, number):
        number += 1
    job = the_job(harness)
    assert job.status is JobStatus.ERROR
    assert job.error is not None
    assert (job.error.code, job.error.retryable) == ("source_not_found", False)
    assert job.error.detail == "The recording is not in storage any more; upload it again."


def test_what_is_lost_again_and_again_ends_the_job() -> None:
    harness = a_harness()

    def lose(context: Any) -> None:
        harness.storage.blobs.delete(WORK, PREFIX + "transcription/00001.json")

    harness.instead[Stage.TRANSCRIPTION, StepKind.MERGE] = lose
    number = 0
    while deliver(harness, number):
        number += 1
    job = the_job(harness)
    assert job.status is JobStatus.ERROR
    assert job.error is not None
    assert (job.error.code, job.error.stage) == ("stage_exhausted", Stage.TRANSCRIPTION)
    assert "There is no blob work/acme/s/j/transcription/00001.json." in job.error.detail
    assert harness.made[Stage.TRANSCRIPTION, StepKind.PART, 1] == harness.services.settings.max_attempts


def test_a_step_that_waits_is_neither_run_nor_asked_for_before_its_time() -> None:
    """Neither by a message that comes twice nor by the sweep."""
    harness = a_harness()
    while (message := harness.storage.queues.pop()) is not None:
        assert isinstance(message, StageMessage)
        if (message.stage, message.step) == (Stage.TRANSCRIPTION, StepKind.MERGE):
            break
        run_step(harness.services, message, Delivery(f"{message.stage}{message.part}{harness.now}", 1))
    assert isinstance(message, StageMessage)
    harness.storage.blobs.delete(WORK, PREFIX + "transcription/00000.json")
    run_step(harness.services, message, Delivery("first", 1))
    run_step(harness.services, message, Delivery("twice", 1))
    assert harness.ran[Stage.TRANSCRIPTION, StepKind.MERGE, 0] == 1
    harness.now += timedelta(minutes=10)
    sweep(harness.services)
    asked = [each for each in iter(harness.storage.queues.pop, None) if isinstance(each, StageMessage)]
    assert (Stage.TRANSCRIPTION, StepKind.MERGE) not in {(each.stage, each.step) for each in asked}
    parts = [each for each in asked if (each.stage, each.step) == (Stage.TRANSCRIPTION, StepKind.PART)]
    run_step(harness.services, parts[0], Delivery("again", 1))
    merges = [each for each in iter(harness.storage.queues.pop, None) if isinstance(each, StageMessage)]
    assert [(each.stage, each.step) for each in merges].count((Stage.TRANSCRIPTION, StepKind.MERGE)) == 1


def test_every_lost_part_is_noticed_at_once() -> None:
    harness = a_harness()

    def lose(context: Any) -> None:
        del harness.instead[Stage.TRACKING, StepKind.MERGE]
        for number in range(2):
            harness.storage.blobs.delete(WORK, f"{PREFIX}tracking/{number:05d}.json")

    harness.instead[Stage.TRACKING, StepKind.MERGE] = lose
    number = 0
    while deliver(harness, number):
        number += 1
    assert the_job(harness).status is JobStatus.DONE
    assert harness.ran[Stage.TRACKING, StepKind.MERGE, 0] == 2
