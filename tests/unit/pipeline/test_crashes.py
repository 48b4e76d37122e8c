"""A process that crashes before any write, in every use case: nothing accepted is lost, nothing is done twice."""

import random
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from shared.domain import job as jobs
from shared.domain.errors import Conflict, NotFound
from shared.domain.job import Job
from shared.domain.message import QUEUES, StepKind
from shared.domain.options import JobOptions
from shared.domain.stage import Stage, StageState
from shared.job_status import JobStatus
from shared.pipeline.context import StepContext
from shared.pipeline.execution.cancel import cancel_job
from shared.pipeline.execution.sweep import sweep
from shared.pipeline.housekeeping.clean_up import clean_up
from shared.pipeline.housekeeping.delete_session import delete_session
from shared.pipeline.housekeeping.requeue import requeue_dead_letters
from shared.pipeline.jobs.submit import JobRequest, retry_job, submit_url
from shared.pipeline.updates import change_job
from shared.storage.ports import RESULTS, SOURCES, WORK
from tests.support.crashing_harness import CrashingHarness
from tests.support.crashing_storage import RandomCrashPoint, every_crash
from tests.support.pipeline_harness import SETTINGS

URL = "https://example.com/talk.mp4"
REQUEST = JobRequest(org_id="acme", job_id="j", session_id="s", options=JobOptions(rendition="never"))
WRITES_OF_A_JOB = 89
WRITES_OF_AN_EARLY_BEGINNING = 73
WRITES_OF_GIVING_UP = 75
WRITES_OF_CANCEL_AND_RETRY = 83
"""At least so many points to crash at; one more step or artefact makes more of them."""
PARTS = {Stage.TRANSCRIPTION: 2, Stage.TRACKING: 1}


def submitted(harness: CrashingHarness) -> None:
    """Submit again with the same key until there is an answer."""
    while not harness.alive(lambda: submit_url(harness.services, REQUEST, URL)):
        pass


def assert_done_once(harness: CrashingHarness) -> None:
    history = harness.history("acme", "j")
    assert history[-1] is JobStatus.DONE
    assert history.count(JobStatus.DONE) == 1
    rows = [stored.value for stored in harness.storage.step_runs.of_job("j")]
    assert {row.state for row in rows} == {StageState.DONE}
    assert len(rows) == 1 + (2 + 1) + (1 + 1 + 1)
    assert list(harness.storage.jobs.all_active()) == []


@pytest.mark.parametrize("lost", [False, True], ids=["redelivered", "lost"])
def test_crash_before_every_write_of_a_whole_job(lost: bool) -> None:
    harness = CrashingHarness(parts=PARTS, loses=lambda: lost)
    crashes = 0
    for _ in harness.crash_everywhere(lambda: submitted(harness)):
        assert_done_once(harness)
        assert max(harness.ran.values()) <= 2
        crashes += 1
    assert crashes >= WRITES_OF_A_JOB


def test_crash_before_every_write_of_a_job_whose_first_part_begins_early() -> None:
    harness = CrashingHarness(parts=PARTS, loses=lambda: True)

    def begin_early(context: StepContext) -> None:
        def begin(job: Job) -> Job | None:
            return None if job.first_part_sec else jobs.begin_early(job, 60.0, harness.now)

        context.send_next(change_job(harness.services, "acme", "j", begin))

    harness.instead[Stage.DOWNLOAD, StepKind.PART] = begin_early
    harness.instead[Stage.TRACKING, StepKind.MERGE] = lambda context: harness.crash_to_here()  # as in any job
    crashes = 0
    for _ in harness.crash_everywhere(lambda: submitted(harness)):
        assert_done_once(harness)
        assert max(harness.ran.values()) <= 2
        crashes += 1
    assert crashes >= WRITES_OF_AN_EARLY_BEGINNING


@pytest.mark.parametrize("lost", [False, True], ids=["redelivered", "lost"])
def test_crash_before_every_write_of_failing_and_requeueing(lost: bool) -> None:
    """Three attempts: a first one, one between, and the last; those between write what each other writes.

    Crashes come from the first failure on: the writes before it are those of a whole job.
    """
    stage = Stage.TRACKING
    settings = SETTINGS.model_copy(update={"max_attempts": 3})
    harness = CrashingHarness(parts=PARTS, loses=lambda: lost, settings=settings)

    def fail(context: Any) -> None:
        harness.crash_from_here()
        raise ValueError("again")

    def requeue() -> None:
        assert harness.history("acme", "j")[-1] is JobStatus.ERROR
        assert len(list(harness.storage.dead_letters.of_queue("acme", QUEUES[stage]))) >= 1
        harness.instead.clear()
        while not harness.alive(lambda: requeue_dead_letters(harness.services, "acme", QUEUES[stage])):
            pass

    submitted(harness)
    harness.crash_point.writes = 0
    harness.instead[stage, StepKind.PART] = fail
    crashes = 0
    for _ in harness.crash_everywhere(lambda: None, requeue):
        assert_done_once(harness)
        crashes += 1
    assert crashes >= WRITES_OF_GIVING_UP


def test_crash_before_every_write_of_cancel_and_retry() -> None:
    harness = CrashingHarness(parts=PARTS)
    place = Stage.TRANSCRIPTION, StepKind.PART

    def cancel(context: Any) -> None:
        del harness.instead[place]
        harness.crash_from_here()
        cancel_job(harness.services, "acme", "j")
        context.confirm()

    def again() -> None:
        with suppress(Conflict):  # the first request got that far
            retry_job(harness.services, "acme", "j")

    def retry() -> None:
        if harness.storage.jobs.get("acme", "j").value.cancel_requested:
            assert harness.history("acme", "j")[-1] is JobStatus.CANCELED
        else:  # the caller crashed before the wish was written, and retries or gives up
            assert_done_once(harness)
        while not harness.alive(again):
            pass

    harness.instead[place] = cancel
    crashes = 0
    for _ in harness.crash_everywhere(lambda: submitted(harness), retry):
        assert_done_once(harness)
        crashes += 1
    assert crashes >= WRITES_OF_CANCEL_AND_RETRY


@pytest.mark.parametrize("at_work", [True, False])
def test_crash_before_every_write_of_a_deletion(at_work: bool) -> None:
    harness = CrashingHarness(parts=PARTS)

    def delete() -> None:
        harness.crash_from_here()
        with suppress(NotFound):
            delete_session(harness.services, "acme", "s")

    def delete_again() -> None:
        while not harness.alive(delete):
            pass
        harness.alive(lambda: clean_up(harness.services))

    submitted(harness)
    if at_work:
        harness.instead[Stage.TRACKING, StepKind.MERGE] = lambda context: delete()
    else:
        harness.live()
    harness.crash_point.writes = 0
    crashes = 0
    for _ in harness.crash_everywhere((lambda: None) if at_work else delete_again, delete_again):
        assert not harness.exists("acme", "j")
        blobs = [blob.name for where in (SOURCES, WORK, RESULTS) for blob in harness.storage.blobs.listing(where, "")]
        assert blobs == []
        assert list(harness.storage.jobs.all_active()) == []
        crashes += 1
    assert crashes > 30


def test_crash_before_every_write_of_the_sweep() -> None:
    def act(crash_at: int) -> bool:
        harness = CrashingHarness(parts=PARTS)
        submitted(harness)
        harness.take()
        harness.now += timedelta(minutes=5)
        harness.crash_point.left = crash_at
        crashed = not harness.alive(lambda: sweep(harness.services))
        harness.live()
        assert_done_once(harness)
        return crashed

    assert every_crash(act) >= 2


@pytest.mark.parametrize("seed", range(10))
def test_random_crashes_losses_and_duplicates(seed: int) -> None:
    dice = random.Random(seed)
    crash_point = RandomCrashPoint(chance=0.03, dice=dice)
    harness = CrashingHarness(
        parts=PARTS,
        crash_point=crash_point,
        loses=lambda: dice.random() < 0.3,
        doubles=lambda: dice.random() < 0.1,
    )
    submitted(harness)
    for _ in range(12):
        harness.live(turns=10)
        harness.now += timedelta(minutes=10)  # the clock jumps
    crash_point.active = False
    harness.live()
    for _ in range(5):
        if harness.history("acme", "j")[-1] is JobStatus.ERROR:  # five crashes of one step
            error = harness.storage.jobs.get("acme", "j").value.error
            assert error is not None
            assert error.code == "stage_exhausted"
            assert requeue_dead_letters(harness.services, "acme", QUEUES[error.stage or Stage.DOWNLOAD]) == 1
            harness.live()
    assert_done_once(harness)
